package autoscaler

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// volumesOf asks for the bound volumes of pods that wait for a node, and says where they can
// be. A claim that is not bound yet is bound where its pod goes.
func (c *Controller) volumesOf(ctx context.Context, pods []*corev1.Pod) func(*corev1.Pod, *corev1.Node) bool {
	where := map[*corev1.Pod][]*nodeaffinity.NodeSelector{}
	for _, pod := range unschedulablePods(pods) {
		for _, v := range pod.Spec.Volumes {
			if v.PersistentVolumeClaim == nil {
				continue
			}
			if s := c.volumeSelector(ctx, pod.Namespace, v.PersistentVolumeClaim.ClaimName); s != nil {
				where[pod] = append(where[pod], s)
			}
		}
	}
	return func(pod *corev1.Pod, n *corev1.Node) bool {
		for _, s := range where[pod] {
			if !s.Match(n) {
				return false
			}
		}
		return true
	}
}

// volumeSelector chooses the nodes where the volume of a claim can be; nil for all.
func (c *Controller) volumeSelector(ctx context.Context, namespace, claim string) *nodeaffinity.NodeSelector {
	pvc, err := c.Client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, claim, metav1.GetOptions{})
	if err != nil || pvc.Spec.VolumeName == "" {
		return nil
	}
	pv, err := c.Client.CoreV1().PersistentVolumes().Get(ctx, pvc.Spec.VolumeName, metav1.GetOptions{})
	if err != nil || pv.Spec.NodeAffinity == nil || pv.Spec.NodeAffinity.Required == nil {
		return nil
	}
	s, err := nodeaffinity.NewNodeSelector(pv.Spec.NodeAffinity.Required)
	if err != nil {
		return nil
	}
	return s
}
