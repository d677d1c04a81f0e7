package nodes

import (
	"fmt"
	"time"

	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/timeline"
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
		case m.EventType == vm.EventPreempt:
			return "", fmt.Errorf("node %s is being evicted already, at %s", m.Name, m.EventAt.UTC().Format(time.TimeOnly))
		case m.Stopped == vm.Deallocated:
			return "", fmt.Errorf("the VM of node %s is deallocated: Azure has taken it back already", m.Name)
		}
		return fmt.Sprintf("Azure needs the capacity of the Spot VM: event %s is scheduled in %s, and then the VM is %s", vm.EventPreempt, preemptNotice, evictionWords[m.Shape.EvictionPolicy]), nil
	}, func(m *machine, now time.Time) { m.schedule(vm.EventPreempt, now, preemptNotice) })
}

// preempt takes the VM back, as the pool's eviction policy says, and tells whether it is
// deleted. The pool then has one node less: AKS asks for no other.
func (m *machine) preempt(now time.Time, notice timeline.Event) (deleted bool) {
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
