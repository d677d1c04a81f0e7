package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// status is the container's status as its kubelet reports it; ok is false if
// the pod's specification no longer has it.
func (c *container) status(now time.Time) (corev1.ContainerStatus, bool) {
	spec := c.spec()
	if spec == nil {
		return corev1.ContainerStatus{}, false
	}
	started := c.started()
	s := corev1.ContainerStatus{
		Name:         c.name,
		Image:        spec.Image,
		Ready:        c.ready() && !c.posting,
		Started:      &started,
		RestartCount: int32(c.restarts),
		State:        c.stateStatus(now),
		VolumeMounts: mountStatuses(spec),
	}
	if c.last != nil {
		s.LastTerminationState.Terminated = c.last
	}
	if c.state == absent {
		return s, true
	}
	if c.state == exited && s.State.Waiting != nil {
		s.LastTerminationState.Terminated = c.terminated()
	}
	s.Image = imageName(spec.Image)
	s.ImageID = imageID(spec.Image)
	s.ContainerID = containerID(c.id)
	s.AllocatedResources = spec.Resources.Requests
	s.Resources = &spec.Resources
	return s, true
}

func (c *container) stateStatus(now time.Time) corev1.ContainerState {
	switch {
	case c.state == running && !c.posting:
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(c.startedAt)}}
	case c.waiting != "" && !c.p.over:
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: c.waiting, Message: c.waitsFor}}
	case c.state == exited:
		return corev1.ContainerState{Terminated: c.terminated()}
	case c.p.over && (c.init || len(c.p.spec.Spec.InitContainers) == 0 || c.p.initialised()):
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: exitKilled, Reason: "ContainerStatusUnknown",
			Message: "The container could not be located when the pod was terminated",
		}}
	case len(c.p.spec.Spec.InitContainers) > 0:
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
	}
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
}

// mountStatuses reports the container's mounts.
func mountStatuses(spec *corev1.Container) []corev1.VolumeMountStatus {
	var out []corev1.VolumeMountStatus
	for _, m := range spec.VolumeMounts {
		s := corev1.VolumeMountStatus{Name: m.Name, MountPath: m.MountPath, ReadOnly: m.ReadOnly}
		if m.ReadOnly {
			mode := corev1.RecursiveReadOnlyDisabled
			s.RecursiveReadOnly = &mode
		}
		out = append(out, s)
	}
	return out
}
