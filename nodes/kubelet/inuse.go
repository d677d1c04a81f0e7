package kubelet

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// uniqueName is how Kubernetes names a volume of a CSI driver in the status of a Node
// (kubernetes 1.37, pkg/volume/util: GetUniqueVolumeName, pkg/volume/csi: GetVolumeName).
func uniqueName(s *corev1.CSIPersistentVolumeSource) corev1.UniqueVolumeName {
	return corev1.UniqueVolumeName("kubernetes.io/csi/" + s.Driver + "^" + s.VolumeHandle)
}

// hold notes which volumes the pod needs on its node that somebody has to attach. It holds
// them until all its containers have ended, whatever becomes of their objects.
func (p *pod) hold() {
	if p.over {
		return
	}
	for _, c := range p.config.claims {
		if c.pv == nil || !c.attachable {
			continue
		}
		if name := uniqueName(c.pv.Spec.CSI); !slices.Contains(p.holds, name) {
			p.holds = append(p.holds, name)
		}
	}
	p.k.heedVolumes()
}

// letGo says that nothing of the pod is mounted any more.
func (p *pod) letGo() {
	p.attachments = nil
	if p.holds != nil {
		p.holds = nil
		p.k.heedVolumes()
	}
}

// heedVolumes has the Node say which volumes are in use, if that has changed.
func (k *Kubelet) heedVolumes() {
	k.inUse = nil
	for _, p := range k.pods {
		k.inUse = append(k.inUse, p.holds...)
	}
	slices.Sort(k.inUse)
	k.inUse = slices.Compact(k.inUse)
	if k.untold() {
		k.statusDue = true
		k.ks.Timers.Wake(k.item)
	}
}

// untold says whether the Node says something else of the volumes in use than it should.
func (k *Kubelet) untold() bool { return !slices.Equal(k.inUse, k.told) && k.knowsVolumes() }

// knowsVolumes says whether the kubelet knows which volumes are mounted: after a start it has
// to hear of its pods first (kubernetes 1.37, pkg/kubelet/nodestatus: VolumesInUse).
func (k *Kubelet) knowsVolumes() bool {
	if _, err := k.ks.Node(k.m.Name); err != nil && !apierrors.IsNotFound(err) {
		return false
	}
	for _, p := range k.pods {
		if !p.over && p.config.version == 0 && len(claimNames(p.spec)) > 0 {
			return false
		}
	}
	return true
}

// volumesInUse are those that the next status says, of a Node that says some already.
func (k *Kubelet) volumesInUse(said []corev1.UniqueVolumeName) []corev1.UniqueVolumeName {
	if !k.knowsVolumes() {
		return said
	}
	return k.inUse
}

// volumesTold notes which volumes the Node says now to be in use: pods may go on that wait
// for that.
func (k *Kubelet) volumesTold(told []corev1.UniqueVolumeName) {
	if slices.Equal(k.told, told) {
		return
	}
	k.told = told
	for _, p := range k.pods {
		if !p.sandbox && len(p.holds) > 0 {
			k.ks.Timers.Wake(p)
		}
	}
}
