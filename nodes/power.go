package nodes

import (
	"time"

	"demarc/nodes/vm"
	"demarc/sim/timeline"
)

// Deallocate has the cloud deallocate all VMs since the cluster is stopped, which is no outage:
// what was out on them is waited for no more. Their disks are kept. Doing it again changes
// nothing. Cause is the event by which the customer stopped the cluster.
func (f *nodePools) Deallocate(cause int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for _, m := range living(f.machines()) {
		if m.parked {
			continue
		}
		m.ActsOn(now, timeline.Provider, "shut down", "node/"+m.Name, "the cluster is stopped: the VM is deallocated, and its disk is kept", cause)
		m.endOutages(now)
		m.Unschedule()
		m.park(true)
		m.halt(now)
		m.Stopped = vm.Deallocated
		f.timers.Wake(m)
	}
}

// Allocate gives the VMs back that Deallocate has taken: they boot. Cause is the event by
// which the customer started the cluster.
func (f *nodePools) Allocate(cause int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for _, m := range living(f.machines()) {
		if !m.parked {
			continue
		}
		m.ActsOn(now, timeline.Provider, "starting", "node/"+m.Name, "the cluster is started: the VM is allocated again", cause)
		m.park(false)
		m.Stopped = ""
		m.boot(now, 0)
		if !m.On { // a fault keeps power from it
			m.Judge("node/"+m.Name, now, m.Ill())
		}
	}
}

// park says whether the machine is off as its cluster is: nobody waits for it then.
func (m *machine) park(off bool) { m.parked, m.Closed = off, off }
