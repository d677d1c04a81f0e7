package nodes

import (
	"time"

	"demarc/nodes/host"
	"demarc/nodes/kubelet"
	"demarc/nodes/network"
	"demarc/nodes/timers"
	"demarc/nodes/vm"
	"demarc/sim/api"
)

// machine is one worker machine, with what its fleet does with it.
type machine struct {
	vm.VM
	f       *scaleSet
	timer   timers.Timer
	kubelet *kubelet.Kubelet // with the container runtime

	parked    bool      // is off since its cluster is stopped
	surge     bool      // was added for an upgrade, to be removed after it
	leaves    time.Time // when the VM of a machine that is no longer the pool's is deleted
	waits     bool      // for a reboot, and has said so
	rules     *network.Rules
	policies  *network.Policies
	unwatched map[string]bool // monitors that do not run
	// acted are the answers to the requests of node auto-repair, by their keys.
	acted map[string]answered
}

// newMachine is a machine of a pool that is on, with an instance number, in a place of
// the networks.
func newMachine(f *scaleSet, p *pool, i, slot int, image *host.Image) *machine {
	m := &machine{VM: vm.New(&f.cluster, p.name, p.shape, f.log, f.watcher, i, slot, image), f: f}
	m.ZoneLost = f.lost(m.Zone())
	m.OS.SetHardware(kubelet.Hardware(&m.VM))
	m.kubelet = f.kubelets.NewKubelet(&m.VM, m)
	m.OS.SetPatching(m.patching())
	return m
}

// Timer makes the machine a [timers.Item].
func (m *machine) Timer() *timers.Timer { return &m.timer }

// deleted says whether the cloud does not have the machine any more.
func (m *machine) deleted() bool { return m.Stopped == vm.Deleted }

// begin is the start of the fleet, for one machine.
func (m *machine) begin(now time.Time) {
	switch {
	case m.Booting():
		m.BootAt = timers.Tick(now.Add(bootTime))
	case m.On:
		if m.kubelet.Running {
			m.kubelet.Start(now)
		}
		m.follow(now)
	case !m.deleted():
		m.Judge("node/"+m.Name, now, m.Ill())
	}
	m.f.timers.Wake(m)
}

// Step does what is due on the machine. The lock is held.
func (m *machine) Step(now time.Time) time.Time {
	if m.eventDue(now) && m.carryOut(now) {
		return time.Time{}
	}
	return timers.Sooner(m.EventAt, m.step(now))
}

// step does what is due of the machine's system first, then of its kubelet.
func (m *machine) step(now time.Time) time.Time {
	if !m.leaves.IsZero() && !now.Before(m.leaves) {
		m.remove(now)
		m.f.part(m, false)
		return time.Time{}
	}
	if !m.On {
		return m.leaves
	}
	if m.Booting() {
		if now.Before(m.BootAt) {
			return m.BootAt
		}
		m.booted(now)
	}
	if at := m.OS.Next(); !at.IsZero() && !now.Before(at) {
		m.tend(now)
	}
	return timers.Sooner(m.leaves, timers.Sooner(m.OS.Next(), m.kubelet.Step(now)))
}

func (m *machine) describe() api.Machine {
	d := api.Machine{
		Name: m.Name, Pool: m.Pool, Power: m.Power(), Kubelet: state(m.Up() && m.kubelet.Running), Runtime: state(m.Up() && m.kubelet.RuntimeRuns), Network: api.NetworkUp, Egress: "open", Zone: m.Zone(),
		Image: m.OS.Image().Version, KubeletVersion: m.OS.Image().KubeletVersion(), Surge: m.surge, Kernel: m.OS.Kernel(), RebootRequired: m.OS.RebootRequired(), Problem: m.Ill(),
	}
	if m.Cut {
		d.Network = api.NetworkCut
	}
	if blocked := m.f.subnet.egress(m.OS); blocked != "" {
		d.Egress = blocked
	}
	d.Pressure = m.kubelet.Pressure()
	_, d.Containers = m.kubelet.Count()
	return d
}

func state(runs bool) string {
	if runs {
		return api.MachineRunning
	}
	return api.MachineStopped
}
