package kubelet

import (
	"net/netip"
	"slices"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/timers"
	"demarc/nodes/vm"
	"demarc/sim/api"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Timings of a node's kubelet (kubernetes 1.37, pkg/kubelet/kubelet.go and
// pkg/kubelet/apis/config/v1beta1/defaults.go).
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

// Kubelet is one node's kubelet, with its container runtime and its node problem
// detector. All its methods but Handler want the lock to be held,
// and so do its fields.
type Kubelet struct {
	ks   *Kubelets
	m    *vm.VM
	item timers.Item // the machine's: wakes the kubelet

	// The truth, whatever the API server believes.
	Running     bool // the kubelet is
	RuntimeRuns bool // the container runtime does
	npd         bool // the node problem detector does

	// The runtime's.
	pods   map[types.UID]*pod
	images map[string]time.Time // by name, present from then on
	lastIP byte                 // the last of the address that was given to a pod

	// The kubelet's memory.
	pid         int
	runtimeLost time.Time              // when it last answered; zero while it does
	plegTold    bool                   // that the pods were not looked at for too long
	pressure    map[shortage]time.Time // until when each condition holds
	relieved    time.Time              // when the kubelet last did something about it
	Registered  bool                   // its Node
	Rebooted    bool                   // the machine was, and the API server was not told yet
	uid         types.UID
	lease       *coordinationv1.Lease
	beat        time.Time // when the lease is renewed next
	reported    time.Time // when the status was last written
	leaseDue    bool
	statusDue   bool
	driversDue  bool                      // its CSINode is to be written
	published   bool                      // it was
	inUse       []corev1.UniqueVolumeName // the volumes that its pods hold, in order
	told        []corev1.UniqueVolumeName // those of which its Node says so
	retry       retry
	events      eventQueue

	// The node problem detector's.
	egress      string    // what keeps packets from any endpoint that AKS requires
	egressAt    time.Time // when these are tried next
	scheduled   string    // the event that it has found scheduled for the machine; empty for none
	problemsDue bool      // it has something to say
}

// NewKubelet makes the kubelet of a machine on which all runs. Item is what is stepped
// for the machine, and has the kubelet do what is due ([Kubelet.Step]).
func (ks *Kubelets) NewKubelet(m *vm.VM, item timers.Item) *Kubelet {
	return &Kubelet{
		ks: ks, m: m, item: item, Running: true, RuntimeRuns: true, npd: true, pods: map[types.UID]*pod{}, images: map[string]time.Time{},
	}
}

// NotBooted says that the machine has not booted yet.
func (k *Kubelet) NotBooted() { k.Running, k.RuntimeRuns, k.npd = false, false, false }

// Connected says whether the kubelet runs and could reach the API server.
func (k *Kubelet) Connected() bool { return k.Running && k.m.Online() }

// syncs says whether the kubelet looks after its pods: it does nothing for them
// without a container runtime (kubernetes 1.37, pkg/kubelet: "Skipping pod
// synchronization").
func (k *Kubelet) syncs() bool { return k.Running && k.RuntimeRuns }

// Start starts the kubelet, which remembers nothing but what is on disk.
func (k *Kubelet) Start(now time.Time) {
	k.Running = true
	k.pid = k.process()
	k.Registered = false
	k.lease, k.told = nil, nil
	k.beat = now
	k.retry = retry{}
	k.events = eventQueue{}
	k.events.add(now, normal, "Starting", "Starting kubelet.", "")
	if k.Rebooted {
		k.events.add(now, warning, "Rebooted", "Node "+k.m.Name+" has been rebooted, boot id: "+k.bootID(), "")
		k.Rebooted = false
	}
	for _, p := range k.pods {
		p.kubeletRestarted(now)
	}
	k.Rejoin()
}

// Rejoin lets the kubelet see and write what it could not while it was stopped
// or cut off.
func (k *Kubelet) Rejoin() {
	k.leaseDue, k.statusDue = true, true
	k.ks.Timers.Wake(k.item)
	for _, p := range k.pods {
		p.observe()
		p.flush()
	}
	k.ks.Timers.Wake(k.ks.Proxy)
}

// Disconnect breaks the connections to the kubelet's API.
func (k *Kubelet) Disconnect() { k.ks.server.drop(k) }

// Booted says that the machine's system runs: its runtime does, and remembers no
// shortage.
func (k *Kubelet) Booted(now time.Time) {
	k.RuntimeRuns, k.runtimeLost = k.m.Up() && k.m.OS.Running(host.Containerd), time.Time{}
	k.checkEnough(now)
}

// PowerLost says that the machine has lost its power by an event: everything on
// it ends at once.
func (k *Kubelet) PowerLost(now time.Time, cause int64) {
	k.Running = false
	k.RuntimeRuns, k.runtimeLost = false, now
	k.pressure = nil
	for _, p := range k.pods {
		p.powerLost(now)
		p.blame(now, cause)
	}
	for image, at := range k.images {
		if at.After(now) { // was still being pulled
			delete(k.images, image)
		}
	}
	k.Disconnect()
}

// Reimaged says that the machine has a fresh disk, without images.
func (k *Kubelet) Reimaged() { clear(k.images) }

// Leave ends the outages of what is on the machine: nobody waits for it any more.
func (k *Kubelet) Leave(now time.Time) {
	for _, p := range k.pods {
		for _, c := range p.containers {
			c.back(now)
		}
	}
}

// Remove says that the machine is deleted.
func (k *Kubelet) Remove() {
	for _, p := range k.pods {
		k.ks.drop(p)
	}
}

// Follow brings the kubelet into line with the machine's operating system: which of
// the units run.
func (k *Kubelet) Follow(now time.Time) {
	npd := k.npd
	k.npd = k.m.OS.Running(host.NPD)
	k.problemsDue = k.problemsDue || k.npd && !npd
	k.followRuntime(now)
	k.followProcess(now)
}

// followProcess notes that the kubelet has ended or begun. One that was restarted
// has done both since the last look.
func (k *Kubelet) followProcess(now time.Time) {
	runs, pid := k.m.OS.Running(host.Kubelet), k.process()
	if k.Running && (!runs || pid != k.pid) {
		k.Running, k.Rebooted = false, false
		k.Disconnect()
		k.problemsDue = true
	}
	if runs && !k.Running {
		k.Start(now)
		k.problemsDue = true
	}
}

// process is the number of the kubelet's process; 0 if there is none.
func (k *Kubelet) process() int {
	u, _ := k.m.OS.Unit(host.Kubelet)
	return u.PID
}

// followRuntime notes that the container runtime has come or gone. Containers
// have shims of their own, and live through that.
func (k *Kubelet) followRuntime(now time.Time) {
	runs := k.m.OS.Running(host.Containerd)
	if runs == k.RuntimeRuns {
		return
	}
	k.RuntimeRuns, k.plegTold, k.problemsDue = runs, false, true
	k.runtimeLost = time.Time{}
	if !runs {
		k.runtimeLost = now
		return
	}
	k.statusDue = true
	for _, p := range k.pods {
		k.ks.Timers.Wake(p)
	}
}

// bootID names the machine's current boot.
func (k *Kubelet) bootID() string { return UUID("boot", k.ks.Seed, k.m.Name, k.m.Boots) }

// Step does what is due of the kubelet and the node problem detector, and returns
// when something is due again.
func (k *Kubelet) Step(now time.Time) time.Time {
	return timers.Sooner(timers.Sooner(k.probeEgress(now), k.probeScheduled(now)), timers.Sooner(k.relieve(now), k.renewal(now)))
}

// renewal renews what the kubelet renews.
func (k *Kubelet) renewal(now time.Time) time.Time {
	if !k.m.Online() || !k.Running && !(k.problemsDue && k.npd) {
		return time.Time{}
	}
	if !k.ks.online {
		if k.ks.isScout(k) {
			k.leaseDue = true
			k.ks.writes.Add(job{node: k})
		}
		return now.Truncate(scoutInterval).Add(scoutInterval)
	}
	if !k.Running {
		if k.retry.allows(now) {
			k.ks.writes.Add(job{node: k})
		}
		return k.retry.at
	}
	if !now.Before(k.beat) {
		k.leaseDue = true
		k.statusDue = k.statusDue || now.Sub(k.reported) >= statusInterval || k.disputed(now)
		k.beat = k.nextBeat(now)
	}
	if (k.leaseDue || k.statusDue || k.driversDue || !k.Registered || k.events.pending()) && k.retry.allows(now) {
		k.ks.writes.Add(job{node: k})
	}
	return timers.Sooner(k.beat, k.retry.at)
}

// nextBeat is the next tick to renew the lease.
func (k *Kubelet) nextBeat(now time.Time) time.Time {
	var offset time.Duration
	if k.ks.Size() > smallFleet {
		offset = time.Duration(k.m.Index) * time.Second % leaseInterval
	}
	return now.Add(-offset).Truncate(leaseInterval).Add(leaseInterval + offset)
}

// spread is how much earlier than others the kubelet first says again how its node
// is: in a large fleet they do not all do so at once.
func (k *Kubelet) spread() time.Duration {
	if k.ks.Size() <= smallFleet {
		return 0
	}
	return time.Duration(k.m.Index) * leaseInterval % statusInterval
}

// takeIP gives an address of the node's range to a pod, the longest unused one,
// as a host-local address manager does.
func (k *Kubelet) takeIP() (netip.Addr, bool) {
	if k.m.Cluster.NetworkPlugin == api.NetworkAzure {
		return k.takeOwnIP()
	}
	const first, last = 2, 254 // .1 is the node's end of the pods' bridge
	for range last {
		k.lastIP++
		if k.lastIP < first || k.lastIP > last {
			k.lastIP = first
		}
		ip := k.m.Prefix.Addr().As4()
		ip[3] += k.lastIP
		if a := netip.AddrFrom4(ip); k.ks.byIP[a] == nil {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Count is how many sandboxes and containers run on the node.
func (k *Kubelet) Count() (sandboxes, containers int) {
	for _, p := range k.pods {
		if p.sandbox {
			sandboxes++
		}
		for _, c := range p.containers {
			if c.state == running {
				containers++
			}
		}
	}
	return sandboxes, containers
}

// Pressure is what the node is short of, in order.
func (k *Kubelet) Pressure() (short []string) {
	for s := range k.pressure {
		short = append(short, string(s))
	}
	slices.Sort(short)
	return short
}

// ProxyRuns says whether the node's kube-proxy does.
func (k *Kubelet) ProxyRuns() bool {
	for _, p := range k.pods {
		if p.proxies() && p.anyRunning() {
			return true
		}
	}
	return false
}
