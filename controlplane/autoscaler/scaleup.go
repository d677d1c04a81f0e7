package autoscaler

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	schedulinghelper "k8s.io/component-helpers/scheduling/corev1"
)

// Why a pool is not asked for nodes (kubernetes/autoscaler, core/scaleup/orchestrator, 2026).
const (
	maxSizeReached = "max node group size reached"
	inBackoff      = "in backoff after failed scale-up"
)

// unschedulablePods are the pods that fit on no node, as kube-scheduler says, and for which
// nodes may be made: the most important first.
func unschedulablePods(pods []*corev1.Pod) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range pods {
		if p.Spec.NodeName == "" && p.DeletionTimestamp == nil && !ended(p) && !isDaemon(p) && schedulinghelper.PodPriority(p) >= expendable && saidUnschedulable(p) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *corev1.Pod) int {
		return cmp.Or(
			cmp.Compare(schedulinghelper.PodPriority(b), schedulinghelper.PodPriority(a)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
		)
	})
	return out
}

func saidUnschedulable(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable
	})
}

// option is what a pool can do for pods.
type option struct {
	group Group
	nodes int
	pods  []*corev1.Pod
}

// scaleUp chooses the pool that grows for pods that fit neither on the nodes that there are nor
// on those that come. What fits there is in the snapshot then.
func (p *Plan) scaleUp(in Input, mem Memory, s *snapshot) {
	var left []*corev1.Pod
	for _, pod := range unschedulablePods(in.Pods) {
		if s.putSomewhere(pod, nil) == nil {
			left = append(left, pod)
		}
	}
	if len(left) == 0 {
		return
	}
	reasons := map[*corev1.Pod]map[string]int{}
	for _, pod := range left {
		reasons[pod] = map[string]int{}
	}
	var options []option
	for _, g := range slices.SortedFunc(slices.Values(in.Groups), func(a, b Group) int { return cmp.Compare(a.Pool, b.Pool) }) {
		why := ""
		switch b := mem.Backoffs[g.Pool]; {
		case in.Now.Before(b.Until):
			why = inBackoff
			p.at(in.Now, b.Until)
		case len(g.VMs) >= g.Max:
			why = maxSizeReached
		}
		if why != "" {
			for _, pod := range left {
				reasons[pod][why]++
			}
			continue
		}
		if o := s.option(g, left, reasons); o.nodes > 0 {
			options = append(options, o)
		}
	}
	if len(options) == 0 {
		for _, pod := range left {
			p.Waiting = append(p.Waiting, Waiting{Pod: pod, Reasons: reasons[pod]})
		}
		return
	}
	best := options[in.Draw(len(options))]
	p.Up = &ScaleUp{Group: best.group, From: len(best.group.VMs), To: len(best.group.VMs) + best.nodes, Pods: best.pods}
	p.at(in.Now, in.Now.Add(ScanInterval)) // for those that it does not help
}

// putSomewhere puts a pod on a node that it fits on, and says where; nil if there is none.
// Except is not one.
func (s *snapshot) putSomewhere(pod *corev1.Pod, except func(*place) bool) *place {
	for _, at := range s.places {
		if (except == nil || !except(at)) && (at.upcoming || ready(at.node)) && len(s.fits(pod, at)) == 0 {
			s.put(pod, at)
			return at
		}
	}
	return nil
}

// option is what a pool can do: it gets a node when a pod does not fit on those that it would
// get already, as many as it may have. Reasons gets why a pod fits on none of its nodes.
func (s *snapshot) option(g Group, pods []*corev1.Pod, reasons map[*corev1.Pod]map[string]int) option {
	o, f := option{group: g}, s.fork()
	var added []*place
	for _, pod := range pods {
		if i := slices.IndexFunc(added, func(at *place) bool { return len(f.fits(pod, at)) == 0 }); i >= 0 {
			f.put(pod, added[i])
			o.pods = append(o.pods, pod)
			continue
		}
		at := f.addNew(g, template(g, len(added)))
		if why := f.fits(pod, at); len(why) > 0 || len(g.VMs)+o.nodes >= g.Max {
			for _, w := range why {
				reasons[pod][w]++
			}
			f.drop(at)
			continue
		}
		f.put(pod, at)
		added, o.nodes, o.pods = append(added, at), o.nodes+1, append(o.pods, pod)
	}
	return o
}

// drop takes a place away that was added last.
func (s *snapshot) drop(at *place) {
	s.places = s.places[:len(s.places)-1]
	delete(s.byName, at.node.Name)
	delete(s.anti, at)
}
