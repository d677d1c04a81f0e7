package autoscaler

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Utilization is how much of a node's resources the pods on it ask for, from 0 to 1.
type Utilization struct{ CPU, Memory float64 }

// Most is the larger of the two, by which a node is judged.
func (u Utilization) Most() float64 { return max(u.CPU, u.Memory) }

func utilization(at *place) Utilization {
	of := func(name corev1.ResourceName) float64 {
		if all := allocatable(at.node, name); all > 0 {
			return float64(at.used[name]) / float64(all)
		}
		return 0
	}
	return Utilization{of(corev1.ResourceCPU), of(corev1.ResourceMemory)}
}

// candidate is a node that may not be needed.
type candidate struct {
	group Group
	at    *place
	move  []*corev1.Pod
}

// scaleDown finds the nodes that are not needed, and those of them that go now.
func (p *Plan) scaleDown(in Input, mem Memory, s *snapshot) {
	found := p.unneeded(in, mem, s)
	cooled := in.Now
	for _, after := range []time.Time{mem.LastUp.Add(delayAfterAdd), mem.LastDown.Add(delayAfterDelete), mem.LastFailed.Add(delayAfterFailure)} {
		if after.After(cooled) {
			cooled = after
		}
	}
	cooling := cooled.After(in.Now) || p.Up != nil // whose delay begins now
	removing, draining := len(mem.Deleting), 0
	left := map[string]int{}
	for _, g := range in.Groups {
		left[g.Pool] = len(g.VMs)
		for _, vm := range g.VMs {
			if drains, going := mem.Deleting[vm]; going {
				left[g.Pool]--
				if drains {
					draining++
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(min(len(a.move), 1), min(len(b.move), 1)) })
	for _, c := range found {
		due := p.Since[c.at.node.Name].Add(unneededTime)
		if !ready(c.at.node) {
			due = p.Since[c.at.node.Name].Add(unreadyTime)
		}
		p.at(in.Now, latest(due, cooled))
		drains := len(c.move) > 0
		switch {
		case cooling || due.After(in.Now) || left[c.group.Pool] <= c.group.Min || removing >= maxDeletions || drains && draining >= maxDrains:
			continue
		case drains:
			draining++
		}
		left[c.group.Pool]--
		removing++
		p.Remove = append(p.Remove, Removal{Group: c.group, Node: c.at.node, Pods: c.move, Use: utilization(c.at)})
	}
	p.Mark = !cooling && len(p.Remove) == 0
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// unneeded are the nodes whose pods would fit elsewhere, one after the other: what moves for
// the one has its place when the next is looked at. Those that were not needed before are
// looked at first.
func (p *Plan) unneeded(in Input, mem Memory, s *snapshot) (found []candidate) {
	var list []candidate
	for _, g := range in.Groups {
		if len(g.VMs) <= g.Min {
			continue
		}
		for _, vm := range g.VMs {
			if at := s.byName[vm]; at != nil && eligible(at, mem) {
				list = append(list, candidate{group: g, at: at})
			}
		}
	}
	rank := func(c candidate) int {
		_, before := mem.Unneeded[c.at.node.Name]
		switch {
		case !slices.ContainsFunc(c.at.pods, func(p *corev1.Pod) bool { return moves(p, in.Now) }):
			return 0
		case before:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.at.node.Name, b.at.node.Name))
	})
	budgets := newBudgets(in.Budgets)
	gone, closely := map[*place]bool{}, 0
	for _, c := range list {
		var ok bool
		if c.move, ok = movable(c.at.pods, budgets, in.Now); !ok {
			continue
		}
		if len(c.move) > 0 {
			if closely++; closely > maxCandidates {
				continue
			}
			if gone[c.at] = true; !s.moveAll(c, func(at *place) bool { return gone[at] || at.upcoming || mem.Deleting[at.node.Name] }) {
				delete(gone, c.at)
				continue
			}
		}
		gone[c.at] = true
		budgets.disrupt(c.move)
		name := c.at.node.Name
		since, known := mem.Unneeded[name]
		if !known {
			since = in.Now
		}
		p.Unneeded, p.Since[name] = append(p.Unneeded, name), since
		found = append(found, c)
	}
	return found
}

// eligible says whether so little is on a node that it may not be needed.
func eligible(at *place, mem Memory) bool {
	_, going := mem.Deleting[at.node.Name]
	return !going && !at.upcoming && !hasTaint(at.node, TaintToBeDeleted) && at.node.Annotations[AnnotationDisabled] != "true" &&
		utilization(at).Most() < utilizationThreshold
}

// moveAll puts all pods that move from a candidate elsewhere, or none.
func (s *snapshot) moveAll(c candidate, except func(*place) bool) bool {
	where := map[*corev1.Pod]*place{}
	for _, pod := range c.move {
		s.take(pod, c.at)
		at := s.putSomewhere(pod, except)
		if at == nil {
			for p, at := range where {
				s.take(p, at)
				s.put(p, c.at)
			}
			s.put(pod, c.at)
			return false
		}
		where[pod] = at
	}
	return true
}

// moves says whether a pod would have to move when its node goes.
func moves(pod *corev1.Pod, now time.Time) bool {
	return !isMirror(pod) && !isDaemon(pod) && !longTerminating(pod, now) && !ended(pod)
}

// movable are the pods that move when a node goes; false says that one may not
// (kubernetes/autoscaler, simulator/drainability/rules, 2026).
func movable(pods []*corev1.Pod, budgets *budgets, now time.Time) (move []*corev1.Pod, ok bool) {
	for _, pod := range pods {
		if !moves(pod, now) {
			continue
		}
		safe := pod.Annotations[annotationSafeToEvict]
		switch {
		case safe == "true":
		case safe == "false", controller(pod) == nil:
			return nil, false
		case pod.Namespace == metav1.NamespaceSystem && len(budgets.of(pod)) == 0:
			return nil, false
		}
		move = append(move, pod)
	}
	return move, budgets.allow(move)
}

// budgets are the PodDisruptionBudgets, and how many disruptions each still allows.
type budgets struct {
	all     []*policyv1.PodDisruptionBudget
	selects []labels.Selector
	left    []int32
}

func newBudgets(list []*policyv1.PodDisruptionBudget) *budgets {
	b := &budgets{}
	for _, pdb := range list {
		if selector, err := metav1.LabelSelectorAsSelector(pdb.Spec.Selector); err == nil {
			b.all, b.selects, b.left = append(b.all, pdb), append(b.selects, selector), append(b.left, pdb.Status.DisruptionsAllowed)
		}
	}
	return b
}

// of are the indices of the budgets that protect a pod.
func (b *budgets) of(pod *corev1.Pod) (which []int) {
	for i, pdb := range b.all {
		if pdb.Namespace == pod.Namespace && b.selects[i].Matches(labels.Set(pod.Labels)) {
			which = append(which, i)
		}
	}
	return which
}

// allow says whether the budgets let each of the pods go, now or after one another: no budget
// that protects one allows none.
func (b *budgets) allow(pods []*corev1.Pod) bool {
	for _, pod := range pods {
		for _, i := range b.of(pod) {
			if b.left[i] < 1 {
				return false
			}
		}
	}
	return true
}

// disrupt counts pods that go.
func (b *budgets) disrupt(pods []*corev1.Pod) {
	for _, pod := range pods {
		for _, i := range b.of(pod) {
			b.left[i]--
		}
	}
}
