package autoscaler

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	schedulinghelper "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
)

// Reasons of kube-scheduler's filters (kubernetes 1.37, pkg/scheduler/framework/plugins).
const (
	unschedulable   = "node(s) were unschedulable"
	untolerated     = "node(s) had untolerated taint(s)"
	otherNodes      = "node(s) didn't match Pod's node affinity/selector"
	tooManyPods     = "Too many pods"
	insufficient    = "Insufficient %s"
	volumesAreElse  = "node(s) didn't match PersistentVolume's node affinity"
	spreadElsewhere = "node(s) didn't match pod topology spread constraints"
	keptAway        = "node(s) didn't match pod anti-affinity rules"
	othersKeepAway  = "node(s) didn't satisfy existing pods anti-affinity rules"
)

// fits says why a pod cannot be at a place, as kube-scheduler does: by the first filter that
// refuses it. None says that it can.
func (s *snapshot) fits(pod *corev1.Pod, at *place) []string {
	n := at.node
	switch {
	case n.Spec.Unschedulable:
		return []string{unschedulable}
	case !tolerates(pod.Spec.Tolerations, n):
		return []string{untolerated}
	case !wants(pod, n):
		return []string{otherNodes}
	}
	if short := shortage(pod, at); len(short) > 0 {
		return short
	}
	switch {
	case s.in.VolumesFit != nil && !s.in.VolumesFit(pod, n):
		return []string{volumesAreElse}
	case !s.spreads(pod, at):
		return []string{spreadElsewhere}
	}
	return s.keptAway(pod, at)
}

func tolerates(tolerations []corev1.Toleration, n *corev1.Node) bool {
	_, found := schedulinghelper.FindMatchingUntoleratedTaint(klog.Background(), n.Spec.Taints, tolerations, func(t *corev1.Taint) bool {
		return t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute
	}, false)
	return !found
}

// wants says whether a node is one that the pod's selector and required affinity choose.
func wants(pod *corev1.Pod, n *corev1.Node) bool {
	match, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(n)
	return match && err == nil
}

// shortage is what a place has not enough of for a pod.
func shortage(pod *corev1.Pod, at *place) (short []string) {
	for name, n := range requests(pod) {
		if n == 0 || at.used[name]+n <= allocatable(at.node, name) {
			continue
		}
		if name == corev1.ResourcePods {
			short = append(short, tooManyPods)
		} else {
			short = append(short, fmt.Sprintf(insufficient, name))
		}
	}
	slices.Sort(short)
	return short
}

// spreads says whether a pod at a place keeps within the skews that it must keep.
func (s *snapshot) spreads(pod *corev1.Pod, at *place) bool {
	for _, c := range pod.Spec.TopologySpreadConstraints {
		if c.WhenUnsatisfiable != corev1.DoNotSchedule {
			continue
		}
		domain, has := at.node.Labels[c.TopologyKey]
		selector, err := metav1.LabelSelectorAsSelector(c.LabelSelector)
		if !has || err != nil {
			return false
		}
		counts := map[string]int32{}
		for _, p := range s.places {
			if key, ok := p.node.Labels[c.TopologyKey]; ok && wants(pod, p.node) {
				counts[key] += matching(p.pods, pod.Namespace, selector)
			}
		}
		least := counts[domain]
		for _, n := range counts {
			least = min(least, n)
		}
		if counts[domain]+1-least > c.MaxSkew {
			return false
		}
	}
	return true
}

func matching(pods []*corev1.Pod, namespace string, selector labels.Selector) (n int32) {
	for _, p := range pods {
		if p.Namespace == namespace && p.DeletionTimestamp == nil && selector.Matches(labels.Set(p.Labels)) {
			n++
		}
	}
	return n
}

func antiAffinity(pod *corev1.Pod) []corev1.PodAffinityTerm {
	if a := pod.Spec.Affinity; a != nil && a.PodAntiAffinity != nil {
		return a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	}
	return nil
}

// keptAway says whether a pod is kept from a place, by others that are in the same part of
// the cluster or by itself.
func (s *snapshot) keptAway(pod *corev1.Pod, at *place) []string {
	for _, term := range antiAffinity(pod) {
		if domain, ok := at.node.Labels[term.TopologyKey]; ok && slices.ContainsFunc(s.places, func(p *place) bool {
			return p.node.Labels[term.TopologyKey] == domain && slices.ContainsFunc(p.pods, func(q *corev1.Pod) bool { return q != pod && meets(term, pod.Namespace, q) })
		}) {
			return []string{keptAway}
		}
	}
	for p, n := range s.anti {
		if n == 0 {
			continue
		}
		for _, q := range p.pods {
			for _, term := range antiAffinity(q) {
				domain, ok := at.node.Labels[term.TopologyKey]
				if ok && q != pod && p.node.Labels[term.TopologyKey] == domain && meets(term, q.Namespace, pod) {
					return []string{othersKeepAway}
				}
			}
		}
	}
	return nil
}

// meets says whether a term of a pod in a namespace is about another pod. A selector of
// namespaces is taken for all of them.
func meets(term corev1.PodAffinityTerm, namespace string, other *corev1.Pod) bool {
	switch {
	case term.NamespaceSelector != nil:
	case len(term.Namespaces) > 0 && !slices.Contains(term.Namespaces, other.Namespace), len(term.Namespaces) == 0 && namespace != other.Namespace:
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(term.LabelSelector)
	return err == nil && selector.Matches(labels.Set(other.Labels))
}

// daemonTolerations are what the DaemonSet controller adds to its pods (kubernetes 1.37,
// pkg/controller/daemon/util: AddOrUpdateDaemonPodTolerations).
var daemonTolerations = func() (all []corev1.Toleration) {
	for _, key := range []string{
		corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable, corev1.TaintNodeDiskPressure, corev1.TaintNodeMemoryPressure,
		corev1.TaintNodePIDPressure, corev1.TaintNodeUnschedulable,
	} {
		all = append(all, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists})
	}
	return all
}()

// daemon is the pod that a DaemonSet has on a node; nil for none.
func daemon(d *appsv1.DaemonSet, n *corev1.Node) *corev1.Pod {
	yes := true
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name + "-" + n.Name, Labels: d.Spec.Template.Labels,
			OwnerReferences: []metav1.OwnerReference{{Kind: "DaemonSet", Name: d.Name, Controller: &yes}},
		},
		Spec: d.Spec.Template.Spec,
	}
	if !wants(pod, n) || !tolerates(slices.Concat(pod.Spec.Tolerations, daemonTolerations), n) {
		return nil
	}
	return pod
}
