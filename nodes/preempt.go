package nodes

import (
	"fmt"
	"time"

	"demarc/nodes/kubelet"
	"demarc/nodes/timers"
	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// preemptNotice is how long before it takes a VM back Azure says so: it promises at least
// this much (Microsoft, "Azure Metadata Service: Scheduled Events for Linux VMs", 2026).
const preemptNotice = 30 * time.Second

// evictionWords say what becomes of a VM, by the eviction policy.
var evictionWords = map[string]timeline.Verb{api.EvictionDelete: "deleted", api.EvictionDeallocate: "deallocated"}

// Evict has Azure announce that it takes the VM of a Spot node back, and take it half a
// minute later.
func (f faults) Evict(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "node", "preempting", func(m *machine) (string, error) {
		switch {
		case !m.Shape.Spot():
			return "", fmt.Errorf("node %s is of pool %s, whose priority is %s: Azure evicts the nodes of Spot pools only", m.Name, m.Pool, m.Shape.Priority)
		case !m.PreemptAt.IsZero():
			return "", fmt.Errorf("node %s is being evicted already, at %s", m.Name, m.PreemptAt.UTC().Format(time.TimeOnly))
		case m.Stopped == vm.Deallocated:
			return "", fmt.Errorf("the VM of node %s is deallocated: Azure has taken it back already", m.Name)
		}
		return fmt.Sprintf("Azure needs the capacity of the Spot VM: event Preempt is scheduled in %s, and then the VM is %s", preemptNotice, evictionWords[m.Shape.EvictionPolicy]), nil
	}, func(m *machine, now time.Time) {
		m.PreemptAt, m.Notice = timers.Tick(now.Add(preemptNotice)), m.Root
		m.kubelet.WillBePreempted()
	})
}

// preemptDue says whether Azure takes the VM back now.
func (m *machine) preemptDue(now time.Time) bool {
	return !m.PreemptAt.IsZero() && !now.Before(m.PreemptAt)
}

// preempt takes the VM back, as the pool's eviction policy says, and tells whether it is
// deleted. The pool then has one node less: AKS asks for no other.
func (m *machine) preempt(now time.Time) (deleted bool) {
	notice := m.Notice
	m.PreemptAt, m.Notice = time.Time{}, timeline.Event{}
	defer m.f.cfg.Preempted()
	how := evictionWords[m.Shape.EvictionPolicy]
	why := "Azure took the Spot VM back: it is " + string(how)
	m.ActsOn(now, notice.Actor, how, "node/"+m.Name, why, notice.Seq)
	m.lose(now, why)
	if m.Shape.EvictionPolicy == api.EvictionDeallocate {
		m.Stopped = vm.Deallocated
		return false
	}
	m.remove(now)
	m.f.part(m, false)
	return true
}

// Preemption is a Spot node whose VM Azure takes back soon.
type Preemption struct {
	Node  string
	Event int64 // that announces it
}

// Preempting are the Spot nodes whose VMs Azure takes back soon.
func (f *scaleSet) Preempting() (list []Preemption) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.machines() {
		if !m.PreemptAt.IsZero() {
			list = append(list, Preemption{m.Name, m.Notice.Seq})
		}
	}
	return list
}

// watchEvents has who drains nodes hear of those that say that an event is scheduled.
func (f *Fleet) watchEvents() {
	_, _ = f.informers.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) {
			if HasEvent(obj) {
				f.cfg.Preempted()
			}
		},
		UpdateFunc: func(old, obj any) {
			if HasEvent(old) != HasEvent(obj) {
				f.cfg.Preempted()
			}
		},
	})
}

// HasEvent says whether a Node says that its VM has a scheduled event.
func HasEvent(obj any) bool {
	n, ok := obj.(*corev1.Node)
	if !ok {
		return false
	}
	for _, c := range n.Status.Conditions {
		if c.Type == kubelet.EventScheduled {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
