package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// probeInterval is how often the node problem detector probes the endpoints that
// AKS requires (Microsoft, "Node Problem Detector (NPD) in Azure Kubernetes
// Service (AKS) nodes").
const probeInterval = 30 * time.Minute

// SetEgress says what keeps packets from endpoints that AKS requires; empty if
// nothing does.
func (k *Kubelet) SetEgress(blocked string) { k.egress, k.egressAt = blocked, time.Time{} }

// probeEgress lets the node problem detector say which endpoints it cannot reach. It
// returns when it probes next, if anything is closed.
func (k *Kubelet) probeEgress(now time.Time) time.Time {
	if k.egress == "" || !k.npd {
		return time.Time{}
	}
	if k.egressAt.IsZero() {
		k.egressAt = now.Truncate(probeInterval).Add(probeInterval)
	}
	if !now.Before(k.egressAt) {
		k.egressAt = now.Truncate(probeInterval).Add(probeInterval)
		k.events.addFrom(now, eventKey{kind: warning, reason: "EgressBlocked", message: "Required endpoints are unreachable: " + k.egress, source: npdSource})
	}
	return k.egressAt
}

// Conditions of the node problem detector (Microsoft, "Node Problem Detector
// (NPD) in Azure Kubernetes Service (AKS) nodes").
const (
	kubeletProblem = corev1.NodeConditionType("KubeletProblem")
	runtimeProblem = corev1.NodeConditionType("ContainerRuntimeProblem")
)

// problems are the conditions that the node problem detector posts.
func (k *Kubelet) problems(now time.Time, before []corev1.NodeCondition) []corev1.NodeCondition {
	out := []corev1.NodeCondition{
		{Type: kubeletProblem, Status: corev1.ConditionFalse, Reason: "KubeletIsUp", Message: "kubelet service is up"},
		{Type: runtimeProblem, Status: corev1.ConditionFalse, Reason: "ContainerRuntimeIsUp", Message: "container runtime service is up"},
	}
	if !k.Running {
		out[0].Status, out[0].Reason, out[0].Message = corev1.ConditionTrue, "KubeletIsDown", "kubelet service is down"
	}
	if !k.RuntimeRuns {
		out[1].Status, out[1].Reason, out[1].Message = corev1.ConditionTrue, "ContainerRuntimeIsDown", "container runtime service is down"
	}
	out = append(out, k.eventCondition())
	for i := range out {
		stamp(&out[i], now, before)
	}
	return out
}

// stamp gives a condition its times: one that holds as before keeps the time of
// its last change.
func stamp(c *corev1.NodeCondition, now time.Time, before []corev1.NodeCondition) {
	c.LastHeartbeatTime, c.LastTransitionTime = metav1.NewTime(now), metav1.NewTime(now)
	for _, b := range before {
		if b.Type == c.Type && b.Status == c.Status {
			c.LastTransitionTime = b.LastTransitionTime
		}
	}
}
