package kubelet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func terminal(phase corev1.PodPhase) bool {
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

// publish makes the pod's status, and marks it to be written if it is new.
func (p *pod) publish(now time.Time) {
	old := p.status
	if old == nil {
		old = &p.base.Status
	}
	s := p.makeStatus(now, old)
	if p.status == nil && equality.Semantic.DeepEqual(*s, p.base.Status) {
		p.status = s
		return // a resumed pod that the API server knows well
	}
	if p.status == nil || !equality.Semantic.DeepEqual(*p.status, *s) {
		p.status = s
		p.dirty = true
	}
}

// makeStatus is the status that a kubelet makes of a pod (kubernetes 1.37,
// pkg/kubelet/kubelet_pods.go: generateAPIPodStatus).
func (p *pod) makeStatus(now time.Time, old *corev1.PodStatus) *corev1.PodStatus {
	s := &corev1.PodStatus{
		ObservedGeneration: p.spec.Generation,
		QOSClass:           p.spec.Status.QOSClass,
		HostIP:             p.k.m.IP.String(),
		HostIPs:            []corev1.HostIP{{IP: p.k.m.IP.String()}},
		StartTime:          old.StartTime,
		NominatedNodeName:  p.spec.Status.NominatedNodeName,
	}
	if !p.startTime.IsZero() {
		s.StartTime = &p.startTime
	}
	if p.ip.IsValid() {
		s.PodIP = p.ip.String()
		s.PodIPs = []corev1.PodIP{{IP: s.PodIP}}
	}
	for _, c := range p.containers {
		if status, ok := c.status(now); ok && !p.rejected {
			switch {
			case c.ephemeral:
				s.EphemeralContainerStatuses = append(s.EphemeralContainerStatuses, status)
			case c.init:
				s.InitContainerStatuses = append(s.InitContainerStatuses, status)
			default:
				s.ContainerStatuses = append(s.ContainerStatuses, status)
			}
		}
	}
	slices.SortStableFunc(s.ContainerStatuses, func(a, b corev1.ContainerStatus) int { return strings.Compare(a.Name, b.Name) })
	p.setPhase(s, old)
	p.setConditions(s, old, now)
	return s
}

// setPhase sets the phase with its reason. A phase never leaves an end, and
// never comes to one while a container runs.
func (p *pod) setPhase(s, old *corev1.PodStatus) {
	s.Phase = phase(p.spec, s, p.over)
	if p.failed && p.over {
		s.Phase = corev1.PodFailed
	}
	was := old.Phase
	if terminal(p.spec.Status.Phase) {
		was = p.spec.Status.Phase
	}
	switch {
	case terminal(was):
		s.Phase = was
	case p.over && !terminal(s.Phase):
		s.Phase = corev1.PodFailed
	case terminal(s.Phase) && !p.over:
		s.Phase = was
		if s.Phase == "" {
			s.Phase = corev1.PodPending
		}
	}
	if p.reason != "" {
		s.Reason, s.Message = p.reason, p.why
	} else if s.Phase == was {
		s.Reason, s.Message = p.spec.Status.Reason, p.spec.Status.Message
	}
}

// phase is a pod's phase by its containers' statuses (kubernetes 1.37,
// pkg/kubelet/kubelet_pods.go: getPhase). over says that nothing is restarted.
func phase(pod *corev1.Pod, s *corev1.PodStatus, over bool) corev1.PodPhase {
	n := countInits(pod, s, begun(s))
	for i := range pod.Spec.Containers {
		n.addContainer(&pod.Spec, &pod.Spec.Containers[i], s)
	}
	switch {
	case n.initFailed:
		return corev1.PodFailed
	case n.pending > 0 || n.waiting > 0:
		return corev1.PodPending
	case n.running > 0:
		return corev1.PodRunning
	case n.stopped == 0:
		return corev1.PodPending
	case !over && n.restarting > 0:
		return corev1.PodRunning
	case n.stopped == n.succeeded:
		return corev1.PodSucceeded
	}
	return corev1.PodFailed
}

// begun says whether any container that is not an init container was ever started.
func begun(s *corev1.PodStatus) bool {
	return slices.ContainsFunc(s.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.State.Running != nil || lastEnd(c) != nil
	})
}

// counts is how many of a pod's containers are in which state.
type counts struct {
	pending, waiting, running, stopped, succeeded, restarting int

	initFailed bool
}

func countInits(pod *corev1.Pod, s *corev1.PodStatus, begun bool) counts {
	var n counts
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		st, _ := statusOf(s.InitContainerStatuses, c.Name)
		if isSidecar(c) {
			switch {
			case st.State.Running != nil:
				n.running++
				if !ptr.Deref(st.Started, false) && !begun {
					n.pending++
				}
			case lastEnd(st) == nil && !begun:
				n.pending++
			}
			continue
		}
		end := lastEnd(st)
		switch {
		case st.State.Running != nil, end == nil:
			if !begun || st.State.Running != nil {
				n.pending++
			}
		case end.ExitCode != 0 && pod.Spec.RestartPolicy == corev1.RestartPolicyNever:
			n.initFailed = true
		case end.ExitCode != 0 && !begun:
			n.pending++
		}
	}
	return n
}

func (n *counts) addContainer(pod *corev1.PodSpec, c *corev1.Container, s *corev1.PodStatus) {
	st, _ := statusOf(s.ContainerStatuses, c.Name)
	end := lastEnd(st)
	switch {
	case st.State.Running != nil:
		n.running++
	case end == nil:
		n.waiting++
	default:
		n.stopped++
		if end.ExitCode == 0 {
			n.succeeded++
		}
		if restarts(pod, c, end.ExitCode) {
			n.restarting++
		}
	}
}

// lastEnd is how a container that does not run ended; nil if it never ran.
func lastEnd(s corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if s.State.Terminated != nil {
		return s.State.Terminated
	}
	if s.State.Waiting != nil {
		return s.LastTerminationState.Terminated
	}
	return nil
}

func statusOf(list []corev1.ContainerStatus, name string) (corev1.ContainerStatus, bool) {
	if i := slices.IndexFunc(list, func(s corev1.ContainerStatus) bool { return s.Name == name }); i >= 0 {
		return list[i], true
	}
	return corev1.ContainerStatus{}, false
}

// kubeletConditions are the conditions that a kubelet sets, in its order.
var kubeletConditions = []corev1.PodConditionType{
	corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled,
}

func isKubelets(c corev1.PodCondition) bool { return slices.Contains(kubeletConditions, c.Type) }

// setConditions keeps the conditions of others and makes the kubelet's own.
func (p *pod) setConditions(s, old *corev1.PodStatus, now time.Time) {
	s.Conditions = slices.DeleteFunc(slices.Clone(p.spec.Status.Conditions), isKubelets)
	made := []corev1.PodCondition{
		p.sandboxCondition(),
		initialisedCondition(p.spec, s),
		{},
		containersReadyCondition(p.spec, s),
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
	}
	made[2] = readyCondition(p.spec, s, made[3])
	for _, c := range made {
		c.ObservedGeneration = p.spec.Generation
		c.LastTransitionTime = metav1.NewTime(now)
		for _, o := range old.Conditions {
			if o.Type == c.Type && o.Status == c.Status {
				c.LastTransitionTime = o.LastTransitionTime
			}
			if o.Type == c.Type {
				c.LastProbeTime = o.LastProbeTime
			}
		}
		s.Conditions = append(s.Conditions, c)
	}
}

func (p *pod) sandboxCondition() corev1.PodCondition {
	if p.sandbox {
		return corev1.PodCondition{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue}
	}
	c := corev1.PodCondition{
		Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse,
		Reason: "PodSandboxNotReady", Message: "No sandbox for pod can be found. Need to start a new one",
	}
	if p.sandboxes > 0 {
		c.Message = "No ready sandbox for pod can be found. Need to start a new one"
	}
	return c
}

// initialisedCondition says whether the init containers are done.
func initialisedCondition(pod *corev1.Pod, s *corev1.PodStatus) corev1.PodCondition {
	c := corev1.PodCondition{Type: corev1.PodInitialized, Status: corev1.ConditionTrue}
	var incomplete []string
	for _, ic := range pod.Spec.InitContainers {
		st, _ := statusOf(s.InitContainerStatuses, ic.Name)
		done := st.Ready
		if isSidecar(&ic) {
			done = ptr.Deref(st.Started, false)
		}
		if !done {
			incomplete = append(incomplete, ic.Name)
		}
	}
	switch {
	case s.Phase == corev1.PodSucceeded:
		c.Reason = "PodCompleted"
	case len(incomplete) > 0 && !begun(s):
		c.Status, c.Reason = corev1.ConditionFalse, "ContainersNotInitialized"
		c.Message = fmt.Sprintf("containers with incomplete status: %s", incomplete)
	}
	return c
}

// containersReadyCondition says whether all containers and sidecars are ready.
func containersReadyCondition(pod *corev1.Pod, s *corev1.PodStatus) corev1.PodCondition {
	c := corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionFalse}
	var unready []string
	for _, ic := range pod.Spec.InitContainers {
		st, _ := statusOf(s.InitContainerStatuses, ic.Name)
		if isSidecar(&ic) && !st.Ready {
			unready = append(unready, ic.Name)
		}
	}
	for _, mc := range pod.Spec.Containers {
		if st, _ := statusOf(s.ContainerStatuses, mc.Name); !st.Ready {
			unready = append(unready, mc.Name)
		}
	}
	switch {
	case s.Phase == corev1.PodSucceeded:
		c.Reason = "PodCompleted"
	case s.Phase == corev1.PodFailed:
		c.Reason = "PodFailed"
	case len(unready) > 0:
		c.Reason = "ContainersNotReady"
		c.Message = fmt.Sprintf("containers with unready status: %s", unready)
	default:
		c.Status = corev1.ConditionTrue
	}
	return c
}

// readyCondition adds the pod's readiness gates to its containers' readiness.
func readyCondition(pod *corev1.Pod, s *corev1.PodStatus, containers corev1.PodCondition) corev1.PodCondition {
	c := containers
	c.Type = corev1.PodReady
	if c.Status != corev1.ConditionTrue {
		return c
	}
	var unmet []string
	for _, gate := range pod.Spec.ReadinessGates {
		i := slices.IndexFunc(s.Conditions, func(c corev1.PodCondition) bool { return c.Type == gate.ConditionType })
		switch {
		case i < 0:
			unmet = append(unmet, fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", gate.ConditionType))
		case s.Conditions[i].Status != corev1.ConditionTrue:
			unmet = append(unmet, fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %v", gate.ConditionType, s.Conditions[i].Status))
		}
	}
	if len(unmet) > 0 {
		c.Status, c.Reason, c.Message = corev1.ConditionFalse, "ReadinessGatesNotReady", strings.Join(unmet, ", ")
	}
	return c
}
