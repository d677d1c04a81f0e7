package nodes

import (
	"net/netip"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/kubelet"
	"demarc/nodes/network"
	"demarc/nodes/timers"
	"demarc/sim/api"
)

// machine is one worker machine: what runs on it, and what its kubelet knows.
type machine struct {
	f      *Fleet
	index  int
	surge  bool      // was added for an upgrade, to be removed after it
	leaves time.Time // when the VM of a machine that is no longer the pool's is deleted
	name   string
	ip     netip.Addr
	prefix netip.Prefix // of its pods' addresses
	timer  timers.Timer

	// The truth, whatever the API server believes.
	vm
	blame
	on        bool   // has power, and its system runs or boots
	cut       bool   // from the network
	blocked   string // what keeps its packets from the API server
	boots     int
	bootAt    time.Time // when a booting machine is up; zero if it does not boot
	os        *host.Host
	problem   string // why the last boot failed
	waits     bool   // for a reboot, and has said so
	rules     *network.Rules
	unwatched map[string]bool // monitors that do not run

	kubelet *kubelet.Kubelet // with the container runtime
}

var _ kubelet.Machine = (*machine)(nil)

// newMachine is a machine that is on, with an instance number, in a place of the
// networks.
func newMachine(f *Fleet, i, slot int, image *host.Image) *machine {
	name := scaleSet(f.cfg.ClusterName) + instanceID(i)
	m := &machine{
		f:      f,
		index:  i,
		name:   name,
		ip:     nodeIP(slot),
		prefix: podCIDR(slot),
		vm:     vm{size: machineSize},
		blame:  newBlame(f, name),
		on:     true,
		boots:  1,
		os:     host.New(name, image),
	}
	m.kubelet = f.kubelets.NewKubelet(m, name, m.ip, m.prefix)
	m.os.SetPatching(m.patching())
	return m
}

// Timer makes the machine a [timers.Item].
func (m *machine) Timer() *timers.Timer { return &m.timer }

// System implements [kubelet.Machine].
func (m *machine) System() *host.Host { return m.os }

// Up says whether the machine's system runs.
func (m *machine) Up() bool { return m.on && m.bootAt.IsZero() }

// Online says whether what runs on the machine could reach the API server.
func (m *machine) Online() bool { return m.reachable() && m.blocked == "" }

// Boots implements [kubelet.Machine].
func (m *machine) Boots() int { return m.boots }

// Index implements [kubelet.Machine].
func (m *machine) Index() (index, machines int) { return m.index, len(m.f.machines()) }

// reachable says whether packets get to the machine.
func (m *machine) reachable() bool { return m.Up() && !m.cut }

// booting says whether the machine has power and is not up yet.
func (m *machine) booting() bool { return m.on && !m.bootAt.IsZero() }

// begin is the start of the fleet, for one machine.
func (m *machine) begin(now time.Time) {
	switch {
	case m.booting():
		m.bootAt = timers.Tick(now.Add(bootTime))
	case m.on:
		if m.kubelet.Running() {
			m.kubelet.Start(now)
		}
		m.follow(now)
	case m.stopped != deleted:
		m.judge("node/"+m.name, now, m.ill())
	}
	m.f.timers.Wake(m)
}

// Step does what is due on the machine: of its system first, then of its
// kubelet. The lock is held.
func (m *machine) Step(now time.Time) time.Time {
	if !m.leaves.IsZero() && !now.Before(m.leaves) {
		m.remove(now)
		m.f.part(m, false)
		return time.Time{}
	}
	if !m.on {
		return m.leaves
	}
	if m.booting() {
		if now.Before(m.bootAt) {
			return m.bootAt
		}
		m.booted(now)
	}
	if at := m.os.Next(); !at.IsZero() && !now.Before(at) {
		m.tend(now)
	}
	return timers.Sooner(m.leaves, timers.Sooner(m.os.Next(), m.kubelet.Step(now)))
}

func (m *machine) describe() api.Machine {
	d := api.Machine{
		Name: m.name, Power: m.power(), Kubelet: state(m.Up() && m.kubelet.Running()), Runtime: state(m.Up() && m.kubelet.RuntimeRuns()), Network: "up", Egress: "open",
		Image: m.os.Image().Version, KubeletVersion: m.os.Image().KubeletVersion(), Surge: m.surge, Kernel: m.os.Kernel(), RebootRequired: m.os.RebootRequired(), Problem: m.ill(),
	}
	if m.cut {
		d.Network = "cut"
	}
	if blocked := m.f.subnet.egress(m.os); blocked != "" {
		d.Egress = blocked
	}
	d.Pressure = m.kubelet.Pressure()
	_, d.Containers = m.kubelet.Count()
	return d
}

func state(runs bool) string {
	if runs {
		return "running"
	}
	return "stopped"
}
