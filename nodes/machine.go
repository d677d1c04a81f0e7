package nodes

import (
	"net/netip"
	"slices"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/network"
	"demarc/sim/api"
	"demarc/sim/timeline"

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
	// smallFleet is the most nodes whose leases are all renewed in one tick;
	// those of a larger fleet spread over the interval.
	smallFleet = 100
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
	place  spoke

	// The truth, whatever the API server believes.
	vm
	on       bool      // has power, and its system runs or boots
	kubelet  bool      // runs
	runtime  bool      // the container runtime does
	npd      bool      // the node problem detector does
	cut      bool      // from the network
	blocked  string    // what keeps its packets from the API server
	shut     string    // what keeps them from any endpoint that AKS requires
	probeAt  time.Time // when the node problem detector tries these next
	boots    int
	bootAt   time.Time // when a booting machine is up; zero if it does not boot
	os       *host.Host
	root     timeline.Event   // what somebody did here last: it explains what happens now
	meddled  timeline.Event   // the last command in a shell that changed something
	problem  string           // why the last boot failed
	waits    bool             // for a reboot, and has said so
	flaws    map[string]int64 // events that brought bad patches, by package
	troubles map[string]trouble
	rules    *network.Rules
	pods     map[types.UID]*pod
	images   map[string]time.Time // by name, present from then on
	lastIP   uint32               // that was given to a pod

	// The kubelet's memory.
	kubeletSince time.Time
	kubeletPID   int
	runtimeLost  time.Time              // when it last answered; zero while it does
	plegTold     bool                   // that the pods were not looked at for too long
	pressure     map[shortage]time.Time // until when each condition holds
	relieved     time.Time              // when the kubelet last did something about it
	registered   bool
	rebooted     bool // and the API server was not told yet
	uid          types.UID
	lease        *coordinationv1.Lease
	beat         time.Time // when the lease is renewed next
	reported     time.Time // when the status was last written
	leaseDue     bool
	statusDue    bool
	problemsDue  bool // the node problem detector has something to say
	retry        retry
	events       eventQueue
}

// newMachine is a machine that is on, with an instance number, in a place of the
// networks.
func newMachine(f *Fleet, i, slot int, image *host.Image) *machine {
	name := scaleSet(f.cfg.ClusterName) + instanceID(i)
	m := &machine{
		f:       f,
		index:   i,
		name:    name,
		ip:      nodeIP(slot),
		prefix:  podCIDR(slot),
		vm:      vm{size: machineSize},
		on:      true,
		kubelet: true,
		runtime: true,
		npd:     true,
		boots:   1,
		os:      host.New(name, image),
		pods:    map[types.UID]*pod{},
		images:  map[string]time.Time{},
	}
	m.os.SetPatching(m.patching())
	return m
}

func (m *machine) spoke() *spoke { return &m.place }

// reachable says whether packets get to the machine.
func (m *machine) reachable() bool { return m.up() && !m.cut }

// online says whether what runs on the machine could reach the API server.
func (m *machine) online() bool { return m.up() && !m.cut && m.blocked == "" }

// connected says whether the machine's kubelet runs and could reach the API
// server.
func (m *machine) connected() bool { return m.on && m.kubelet && !m.cut && m.blocked == "" }

// syncs says whether the machine's kubelet looks after its pods: it does nothing
// for them without a container runtime (kubernetes 1.37, pkg/kubelet: "Skipping
// pod synchronization").
func (m *machine) syncs() bool { return m.kubelet && m.runtime }

// booting says whether the machine has power and is not up yet.
func (m *machine) booting() bool { return m.on && !m.bootAt.IsZero() }

// up says whether the machine's system runs.
func (m *machine) up() bool { return m.on && m.bootAt.IsZero() }

// begin is the start of the fleet, for one machine.
func (m *machine) begin(now time.Time) {
	switch {
	case m.booting():
		m.bootAt = tick(now.Add(bootTime))
	case m.on:
		if m.kubelet {
			m.startKubelet(now)
		}
		m.follow(now)
	case m.stopped != deleted:
		m.judge("node/"+m.name, now, m.ill())
	}
	m.f.wake(m)
}

// startKubelet starts the kubelet, which remembers nothing but what is on disk.
func (m *machine) startKubelet(now time.Time) {
	m.kubelet = true
	m.kubeletSince, m.kubeletPID = now, m.kubeletProcess()
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

// step does what is due on the machine: of its system first, then of its
// kubelet. The lock is held.
func (m *machine) step(now time.Time) time.Time {
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
	return sooner(m.leaves, sooner(sooner(m.os.Next(), m.probe(now)), sooner(m.relieve(now), m.renewal(now))))
}

// renewal renews what the kubelet renews.
func (m *machine) renewal(now time.Time) time.Time {
	if !m.online() || !m.kubelet && !(m.problemsDue && m.npd) {
		return time.Time{}
	}
	if !m.f.online {
		if m.f.isScout(m) {
			m.leaseDue = true
			m.f.writes.Add(job{node: m.name})
		}
		return now.Truncate(scoutInterval).Add(scoutInterval)
	}
	if !m.kubelet {
		if m.retry.allows(now) {
			m.f.writes.Add(job{node: m.name})
		}
		return m.retry.at
	}
	if !now.Before(m.beat) {
		m.leaseDue = true
		m.statusDue = m.statusDue || now.Sub(m.reported) >= statusInterval || m.disputed(now)
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
	if len(m.f.machines()) > smallFleet {
		offset = time.Duration(m.index) * time.Second % leaseInterval
	}
	return now.Add(-offset).Truncate(leaseInterval).Add(leaseInterval + offset)
}

// spread is how much earlier than others the machine first says again how it is:
// in a large fleet they do not all do so at once.
func (m *machine) spread() time.Duration {
	if len(m.f.machines()) <= smallFleet {
		return 0
	}
	return time.Duration(m.index) * leaseInterval % statusInterval
}

// isScout says whether m is the one that tries whether the API server is back.
func (f *Fleet) isScout(m *machine) bool {
	for _, o := range f.machines() {
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
	for _, m := range f.machines() {
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
	d := api.Machine{
		Name: m.name, Power: m.power(), Kubelet: state(m.up() && m.kubelet), Runtime: state(m.up() && m.runtime), Network: "up", Egress: "open",
		Image: m.os.Image().Version, KubeletVersion: m.os.Image().KubeletVersion(), Surge: m.surge, Kernel: m.os.Kernel(), RebootRequired: m.os.RebootRequired(), Problem: m.ill(),
	}
	if m.cut {
		d.Network = "cut"
	}
	if blocked := m.f.egress(m); blocked != "" {
		d.Egress = blocked
	}
	for s := range m.pressure {
		d.Pressure = append(d.Pressure, string(s))
	}
	slices.Sort(d.Pressure)
	for _, p := range m.pods {
		for _, c := range p.containers {
			if c.state == running {
				d.Containers++
			}
		}
	}
	return d
}

func state(runs bool) string {
	if runs {
		return "running"
	}
	return "stopped"
}
