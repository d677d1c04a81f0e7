package autoscaler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"
	resourcehelper "k8s.io/component-helpers/resource"
)

// place is a node and what is on it.
type place struct {
	node  *corev1.Node
	group string // the pool; empty for one that is not scaled
	// upcoming says that it is not there yet, or not ready since it came.
	upcoming bool
	pods     []*corev1.Pod
	used     map[corev1.ResourceName]int64
}

// snapshot is the nodes with their pods, among which pods are moved to see what fits where.
type snapshot struct {
	in     Input
	places []*place
	byName map[string]*place
	// anti are the places with pods that keep others away.
	anti map[*place]int
}

func newSnapshot(in Input) *snapshot {
	s := &snapshot{in: in, byName: map[string]*place{}, anti: map[*place]int{}}
	pool := map[string]string{}
	for _, g := range in.Groups {
		for _, vm := range g.VMs {
			pool[vm] = g.Pool
		}
	}
	for _, n := range in.Nodes {
		s.add(&place{node: n, group: pool[n.Name]})
	}
	slices.SortFunc(s.places, func(a, b *place) int { return cmp.Compare(a.node.Name, b.node.Name) })
	for _, pod := range in.Pods {
		if at := s.byName[pod.Spec.NodeName]; at != nil && !ended(pod) {
			s.put(pod, at)
		}
	}
	return s
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func (s *snapshot) add(p *place) {
	p.used = map[corev1.ResourceName]int64{}
	s.places, s.byName[p.node.Name] = append(s.places, p), p
}

// fork is a copy in which pods can be put without a change of this one.
func (s *snapshot) fork() *snapshot {
	c := &snapshot{in: s.in, byName: make(map[string]*place, len(s.places)), anti: map[*place]int{}}
	for _, p := range s.places {
		q := *p
		q.pods, q.used = slices.Clone(p.pods), maps.Clone(p.used)
		c.places, c.byName[q.node.Name] = append(c.places, &q), &q
		if n := s.anti[p]; n > 0 {
			c.anti[&q] = n
		}
	}
	return c
}

// put has a pod be at a place.
func (s *snapshot) put(pod *corev1.Pod, at *place) {
	s.count(pod, at, 1)
	at.pods = append(at.pods, pod)
}

// take takes it away again.
func (s *snapshot) take(pod *corev1.Pod, at *place) {
	s.count(pod, at, -1)
	at.pods = slices.DeleteFunc(at.pods, func(p *corev1.Pod) bool { return p == pod })
}

func (s *snapshot) count(pod *corev1.Pod, at *place, sign int64) {
	for name, n := range requests(pod) {
		at.used[name] += sign * n
	}
	if len(antiAffinity(pod)) > 0 {
		s.anti[at] += int(sign)
	}
}

// requests are what a pod needs of a node: of CPU in thousandths.
func requests(pod *corev1.Pod) map[corev1.ResourceName]int64 {
	all := map[corev1.ResourceName]int64{corev1.ResourcePods: 1}
	for name, q := range resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{}) {
		all[name] = amount(name, q.MilliValue(), q.Value())
	}
	return all
}

// allocatable is how much of a resource a node has for pods.
func allocatable(n *corev1.Node, name corev1.ResourceName) int64 {
	q := n.Status.Allocatable[name]
	return amount(name, q.MilliValue(), q.Value())
}

func amount(name corev1.ResourceName, milli, whole int64) int64 {
	if name == corev1.ResourceCPU {
		return milli
	}
	return whole
}

// ready says whether a node can take pods: one whose taint of the start is still there cannot.
func ready(n *corev1.Node) bool {
	for _, t := range n.Spec.Taints {
		if t.Key == corev1.TaintNodeNotReady || t.Key == cloudproviderapi.TaintExternalCloudProvider {
			return false
		}
	}
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

func hasTaint(n *corev1.Node, key string) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == key })
}

// addUpcoming adds the nodes that pools wait for, in the place of what is there of them yet.
func (s *snapshot) addUpcoming(in Input, mem Memory, p *Plan) {
	for _, g := range in.Groups {
		for _, vm := range g.VMs {
			at := s.byName[vm]
			switch {
			case at == nil:
				since, known := mem.Awaited[vm]
				if !known {
					since = in.Now
				}
				if p.at(in.Now, since.Add(provisionTime)); in.Now.Sub(since) >= provisionTime {
					p.Late[g.Pool] = append(p.Late[g.Pool], vm)
					continue
				}
			case ready(at.node) || in.Now.Sub(at.node.CreationTimestamp.Time) >= notStartedTime || mem.Deleting[vm] || hasTaint(at.node, TaintToBeDeleted):
				continue
			}
			p.Upcoming[g.Pool]++
			if at == nil {
				s.addNew(g, vm)
				continue
			}
			at.upcoming, at.node = true, fresh(g, vm)
		}
	}
}

// addNew adds a node as the pool's next would be, with the pods that daemons have there.
func (s *snapshot) addNew(g Group, name string) *place {
	p := &place{node: fresh(g, name), group: g.Pool, upcoming: true}
	s.add(p)
	for _, d := range s.in.DaemonSets {
		if pod := daemon(d, p.node); pod != nil {
			s.put(pod, p)
		}
	}
	return p
}

// fresh is a node as the pool's next would be, by another name.
func fresh(g Group, name string) *corev1.Node {
	n := g.Template.DeepCopy()
	n.Name = name
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	n.Labels[corev1.LabelHostname] = name
	return n
}

// unhealthy says whether so many nodes are not ready that the autoscaler keeps its hands off.
func (s *snapshot) unhealthy(mem Memory) bool {
	unready, all := 0, 0
	for _, p := range s.places {
		if p.upcoming || mem.Deleting[p.node.Name] || hasTaint(p.node, TaintToBeDeleted) {
			continue
		}
		if all++; !ready(p.node) {
			unready++
		}
	}
	return unready > okUnready && unready*100 > maxUnreadyPercent*all
}

// template names the n-th node that a pool could get.
func template(g Group, n int) string { return fmt.Sprintf("template-node-for-%s-%d", g.Name, n) }

// controller is what a pod belongs to; nil for nothing.
func controller(pod *corev1.Pod) *metav1.OwnerReference { return metav1.GetControllerOf(pod) }

func isDaemon(pod *corev1.Pod) bool {
	c := controller(pod)
	return c != nil && c.Kind == "DaemonSet" || pod.Annotations["cluster-autoscaler.kubernetes.io/daemonset-pod"] == "true"
}

func isMirror(pod *corev1.Pod) bool {
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror
}

// longTerminating says whether a pod should have ended by now.
func longTerminating(pod *corev1.Pod, now time.Time) bool {
	if pod.DeletionTimestamp == nil {
		return false
	}
	return now.After(pod.DeletionTimestamp.Add(graceHeadroom)) // which has the grace period in it
}
