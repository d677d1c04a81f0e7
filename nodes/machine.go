package nodes

import (
	"net/netip"
	"time"

	"demarc/nodes/network"
	"demarc/sim/api"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Timings of a node's kubelet (kubernetes 1.37, pkg/kubelet/kubelet.go and
// pkg/kubelet/apis/config/v1beta1/defaults.go), and of a machine.
const (
	leaseDuration  = 40 * time.Second
	leaseInterval  = 10 * time.Second
	statusInterval = 5 * time.Minute
	// scoutInterval is how often an absent API server is tried.
	scoutInterval = 2 * time.Second
	// bootTime is what passes between power on and the kubelet's start.
	bootTime = 20 * time.Second
	// smallFleet is the most nodes whose leases are all renewed in one tick;
	// those of a larger fleet spread over the interval.
	smallFleet = 100
)

// machine is one worker machine: what runs on it, and what its kubelet knows.
type machine struct {
	f      *Fleet
	index  int
	name   string
	ip     netip.Addr
	prefix netip.Prefix // of its pods' addresses
	place  spoke

	// The truth, whatever the API server believes.
	on        bool
	kubelet   bool // runs
	cut       bool // from the network
	boots     int
	kubeletAt time.Time // when a booting machine starts its kubelet
	cause     int64     // the event that explains what happens here now
	rules     *network.Rules
	pods      map[types.UID]*pod
	images    map[string]time.Time // by name, present from then on
	lastIP    uint32               // that was given to a pod

	// The kubelet's memory.
	kubeletSince time.Time
	registered   bool
	rebooted     bool // and the API server was not told yet
	uid          types.UID
	lease        *coordinationv1.Lease
	beat         time.Time // when the lease is renewed next
	reported     time.Time // when the status was last written
	leaseDue     bool
	statusDue    bool
	retry        retry
	events       eventQueue
}

func newMachine(f *Fleet, i int) *machine {
	return &machine{
		f:       f,
		index:   i,
		name:    scaleSet(f.cfg.ClusterName) + instanceID(i),
		ip:      nodeIP(i),
		prefix:  podCIDR(i),
		on:      true,
		kubelet: true,
		boots:   1,
		pods:    map[types.UID]*pod{},
		images:  map[string]time.Time{},
	}
}

func (m *machine) spoke() *spoke { return &m.place }

// reachable says whether packets get to the machine.
func (m *machine) reachable() bool { return m.on && !m.cut }

// connected says whether the machine's kubelet runs and could reach the API
// server.
func (m *machine) connected() bool { return m.on && m.kubelet && !m.cut }

// booting says whether the machine has power and is not up yet.
func (m *machine) booting() bool { return m.on && !m.kubelet && (m.rebooted || !m.kubeletAt.IsZero()) }

// begin is the start of the fleet, for one machine.
func (m *machine) begin(now time.Time) {
	switch {
	case m.booting():
		m.kubeletAt = tick(now.Add(bootTime))
	case m.on && m.kubelet:
		m.startKubelet(now)
	}
	m.f.wake(m)
}

// startKubelet starts the kubelet, which remembers nothing but what is on disk.
func (m *machine) startKubelet(now time.Time) {
	m.kubelet = true
	m.kubeletAt = time.Time{}
	m.kubeletSince = now
	m.registered = false
	m.lease = nil
	m.beat = now
	m.retry = retry{}
	m.events = eventQueue{}
	m.events.add(now, normal, "Starting", "Starting kubelet.", "")
	if m.rebooted {
		m.events.add(now, warning, "Rebooted", "Node "+m.name+" has been rebooted, boot id: "+m.bootID(), "")
		m.rebooted = false
	}
	for _, p := range m.pods {
		p.kubeletRestarted(now)
	}
	m.rejoin()
}

// rejoin lets the machine's kubelet see and write what it could not while it
// was stopped or cut off.
func (m *machine) rejoin() {
	m.leaseDue, m.statusDue = true, true
	m.f.wake(m)
	for _, p := range m.pods {
		p.observe()
		p.flush()
	}
	m.f.wake(&m.f.proxy)
}

// bootID names the machine's current boot.
func (m *machine) bootID() string { return uuid("boot", m.f.cfg.Seed, m.name, m.boots) }

// step renews what the kubelet renews. The lock is held.
func (m *machine) step(now time.Time) time.Time {
	if !m.on {
		return time.Time{}
	}
	if !m.kubelet {
		if m.kubeletAt.IsZero() || now.Before(m.kubeletAt) {
			return m.kubeletAt
		}
		m.kubeletStarted(now)
	}
	if m.cut {
		return time.Time{}
	}
	if !m.f.online {
		if m.f.isScout(m) {
			m.leaseDue = true
			m.f.writes.Add(job{node: m.name})
		}
		return now.Truncate(scoutInterval).Add(scoutInterval)
	}
	if !now.Before(m.beat) {
		m.leaseDue = true
		m.statusDue = m.statusDue || now.Sub(m.reported) >= statusInterval || m.disputed()
		m.beat = m.nextBeat(now)
	}
	if (m.leaseDue || m.statusDue || !m.registered || m.events.pending()) && m.retry.allows(now) {
		m.f.writes.Add(job{node: m.name})
	}
	return sooner(m.beat, m.retry.at)
}

// nextBeat is the machine's next tick to renew its lease.
func (m *machine) nextBeat(now time.Time) time.Time {
	var offset time.Duration
	if len(m.f.machines) > smallFleet {
		offset = time.Duration(m.index) * time.Second % leaseInterval
	}
	return now.Add(-offset).Truncate(leaseInterval).Add(leaseInterval + offset)
}

// isScout says whether m is the one that tries whether the API server is back.
func (f *Fleet) isScout(m *machine) bool {
	for _, o := range f.machines {
		if o.connected() {
			return o == m
		}
	}
	return false
}

// setOnline records whether the API server answers, and lets everything be
// written when it does again. The lock is held.
func (f *Fleet) setOnline(online bool) {
	if f.online == online {
		return
	}
	f.online = online
	for _, m := range f.machines {
		if !m.connected() {
			continue
		}
		if online {
			m.leaseDue, m.statusDue = true, true
			m.retry = retry{}
			for _, p := range m.pods {
				p.retry = retry{}
				p.flush()
			}
		}
		f.wake(m)
	}
	f.wake(&f.proxy)
}

// takeIP gives an address of the machine's range to a pod, the longest unused
// one, as a host-local address manager does.
func (m *machine) takeIP() (netip.Addr, bool) {
	const first, last = 2, 254 // .1 is the node's end of the pods' bridge
	for range last {
		m.lastIP++
		if m.lastIP < first || m.lastIP > last {
			m.lastIP = first
		}
		a := addr(m.prefix.Addr().As4(), m.lastIP)
		if _, taken := m.f.byIP[a]; !taken {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func (m *machine) describe() api.Machine {
	d := api.Machine{Name: m.name, Power: "running", Kubelet: "running", Network: "up"}
	if !m.on {
		d.Power = "stopped"
	}
	if !m.on || !m.kubelet {
		d.Kubelet = "stopped"
	}
	if m.cut {
		d.Network = "cut"
	}
	for _, p := range m.pods {
		for _, c := range p.containers {
			if c.state == running {
				d.Containers++
			}
		}
	}
	return d
}
