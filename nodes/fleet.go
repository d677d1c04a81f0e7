// Package nodes is a fleet of simulated worker machines that is attached to a
// real kube-apiserver: their kubelets, container runtimes and kube-proxies.
//
// From outside, make a fleet with [NewFleet], run it with [Fleet.Run], look at
// it with [Fleet.Machines] and [Fleet.Containers], and harm it with the faults
// ([Fleet.PowerOff], [Fleet.CutNetwork], [Fleet.CrashKubelet],
// [Fleet.CrashContainer], …). [Fleet.DialKubelet] is the way to a node's
// kubelet API, [Fleet.Network] the way to what its pods serve.
//
// How it works: machines and pods are records under one lock, and each has one
// timer in one queue (package timers). A single goroutine steps whatever is
// due: of a machine its operating system and its kubelet, of a pod what package
// kubelet says. Steps do no I/O. So containers live and are restarted by their
// node whether or not there is an API server, and a thousand nodes cost a
// thousand records. What the API server says arrives by one set of informers
// for the whole fleet, and is held back from a node that could not hear it.
package nodes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/nodes/image"
	"demarc/nodes/kubelet"
	"demarc/nodes/network"
	"demarc/nodes/timers"
	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"k8s.io/client-go/kubernetes"
)

// MaxNodes is the most nodes a fleet can have: one AKS node pool (Microsoft,
// "Quotas, virtual machine size restrictions, and region availability in AKS").
const MaxNodes = 1000

// PoolConfig is a node pool of a new fleet.
type PoolConfig struct {
	Name  string
	Shape api.PoolShape
	// Nodes is how many there are at first, KubeletVersion what they report, such as
	// v1.37.2, and NodeImage what they run from; if empty, the newest for the version.
	Nodes                     int
	KubeletVersion, NodeImage string
}

// Config says what fleet to make.
type Config struct {
	// ClusterName is what the nodes' names are made from.
	ClusterName string
	// Nodes is how many there are at first, 1 to [MaxNodes], in a pool nodepool1.
	Nodes int
	// Pools are the node pools of a new fleet in place of that one.
	Pools []PoolConfig
	// Seed makes the fleet's choices repeatable.
	Seed uint64
	// Location is the Azure region; "westeurope" if empty.
	Location string
	// Zones are the availability zones of the first pool; none if it is in none.
	Zones []string
	// NetworkPolicy is what enforces NetworkPolicies, and NetworkPlugin where pods have their
	// addresses from.
	NetworkPolicy api.NetworkPolicy
	NetworkPlugin api.NetworkPlugin
	// Subnet is the prefix of the nodes' subnet, if it is not as AKS makes it, and PodSubnet
	// that of a subnet of the pods' own, with network plugin azure.
	Subnet, PodSubnet netip.Prefix
	// KubeletVersion is what the first nodes report, such as v1.37.2.
	KubeletVersion string
	// NodeImage is what the first nodes run from; if empty, the newest for the
	// version.
	NodeImage string
	// Timeline receives what happens to machines and containers.
	Timeline *timeline.Log
	// Client speaks for a node when its context carries one ([kubelet.WithIdentity]),
	// else for the fleet. It must have no rate limit of its own.
	Client kubernetes.Interface
	// Created is when the cluster was made: from then on the archives have new
	// patches by the calendar. If zero they have none by themselves.
	Created time.Time
	// Watcher is told of what breaks on the machines; nil for nobody.
	Watcher vm.Watcher
	// Images says how the containers of each image behave; nil means as [image.Builtin]
	// does.
	Images *image.Catalogue
	// Preempted is told when a node says that its VM has a scheduled event, or none any
	// more, and when Azure has taken a VM back. It must not call the fleet; nil for nobody.
	Preempted func()
	// Live says whether programs in real time can keep up with the clock: only then are real
	// programs behind the ports of containers reached. Nil means that they can.
	Live func() bool
	// APIServer is the API server's address in the cluster's network, and DialAPIServer
	// connects a program of a pod's with it; nil for none.
	APIServer     netip.AddrPort
	DialAPIServer func(context.Context) (net.Conn, error)
	// Starts remembers what must not be started again; nil forgets.
	Starts *kubelet.Starts
	// State is what [Fleet.Save] returned, to resume; nil for new machines.
	State []byte
}

// Fleet is a set of worker machines. Its methods, and those of the parts that it is
// made of, may be called from any goroutine.
type Fleet struct {
	*scaleSet // the machines
	*objects  // what the API server says
	faults
	nodePools
	fabric
	proxy *proxySync
	runs  bool // Run was called
}

// scaleSet is the machines as they are, whatever the API server believes, and what
// they share, all under one lock.
type scaleSet struct {
	cfg      Config
	cluster  vm.Cluster
	log      *timeline.Log
	network  *network.Network
	watcher  vm.Watcher
	timers   *timers.Queue
	kubelets *kubelet.Kubelets

	*roster
	archives
	pools  []*pool // in the order in which they were made
	mu     sync.Mutex
	subnet subnet
	disks  *cloud.Disks
	shares *cloud.Shares
	// balancers are the load balancers of the node resource group, and routes those of the
	// subnet's route table.
	balancers *cloud.Balancers
	routes    *cloud.Routes
	addresses addresses
	outbound  api.LoadBalancerProfile
	repairs   vm.Repairs // of the nodes themselves
	public    network.Public
	// lostZones are the availability zones without power, with the events that say so.
	lostZones map[string]timeline.Event
}

// nobody is the watcher of a fleet that has none.
type nobody struct{}

func (nobody) Broke(string, timeline.Event, time.Time) {}
func (nobody) Noticed(string, time.Time)               {}
func (nobody) Mended(string, time.Time)                {}

// NewFleet makes a fleet. Its machines are on, or as they were when State was
// saved; nothing happens before [Fleet.Run].
func NewFleet(cfg Config) (*Fleet, error) {
	switch {
	case cfg.Pools == nil && (cfg.Nodes < 1 || cfg.Nodes > MaxNodes):
		return nil, fmt.Errorf("%d nodes: a fleet has 1 to %d", cfg.Nodes, MaxNodes)
	case cfg.Client == nil:
		return nil, errors.New("a fleet needs a client of the API server")
	}
	if cfg.Timeline == nil {
		cfg.Timeline = timeline.New()
	}
	if cfg.Location == "" {
		cfg.Location = "westeurope"
	}
	if cfg.Watcher == nil {
		cfg.Watcher = nobody{}
	}
	if cfg.Preempted == nil {
		cfg.Preempted = func() {}
	}
	if cfg.Pools == nil {
		cfg.Pools = []PoolConfig{{Name: api.DefaultPool, Shape: api.PoolShape{Zones: cfg.Zones}, Nodes: cfg.Nodes, KubeletVersion: cfg.KubeletVersion, NodeImage: cfg.NodeImage}}
	}
	set := &scaleSet{
		cfg: cfg, cluster: vm.Cluster{Name: cfg.ClusterName, Location: cfg.Location, NetworkPolicy: cfg.NetworkPolicy, NetworkPlugin: cfg.NetworkPlugin}, log: cfg.Timeline, watcher: cfg.Watcher,
		roster: &roster{}, subnet: newSubnet(cfg.Location), lostZones: map[string]timeline.Event{},
	}
	set.timers = timers.New(&set.mu)
	set.disks = cloud.NewDisks(&set.mu, set.log, set.cluster.GroupID(), set.machineOf)
	set.disks.Lost = set.lost
	set.shares = cloud.NewShares(&set.mu, set.log, set.cluster.GroupID())
	set.balancers = cloud.NewBalancers(&set.mu, set.log, set.cluster.GroupID(), cfg.Location, set.subnet.nsg, set.ownerOf)
	set.addresses = set.newAddresses()
	set.routes = cloud.NewRoutes(&set.mu, set.log, set.networkNames().RouteTable())
	set.archives = archives{
		mu: &set.mu, roster: set.roster, log: set.log, seed: cfg.Seed, created: cfg.Created, kubelet: cfg.KubeletVersion,
		images: map[[2]string]*host.Image{},
	}
	f := &Fleet{
		scaleSet: set, objects: newObjects(cfg.Client), nodePools: nodePools{scaleSet: set, asked: map[string]answered{}},
	}
	f.proxy = &proxySync{scaleSet: set, objects: f.objects}
	f.faults = faults{set, f.proxy}
	f.fabric = fabric{set, f.objects}
	set.network = network.New(f.fabric, cfg.Seed)
	var err error
	set.kubelets, err = kubelet.New(kubelet.Config{
		Lock: &set.mu, Timers: set.timers, Client: cfg.Client, Network: set.network, Log: set.log, Seed: cfg.Seed, Starts: cfg.Starts,
		Kubelets: set.eachKubelet, Size: func() int { return len(set.machines()) }, Node: f.node, Proxy: f.proxy, Restoring: &f.proxy.restored.active,
		Repairs: &set.repairs, Blocked: set.subnet.refuses, Agent: set.agent, Gateway: set.gateway, API: f.apiOf, Follow: set.follow, Services: f.services, NodeShell: set.nodeShell, Images: cfg.Images, Live: cfg.Live,
		PodSpace: set.addresses.pods, Disks: set.disks, Shares: set.shares, Targeted: func(to netip.AddrPort, udp bool) bool { return f.proxy.rules.Targeted(to, udp) },
	})
	if err != nil {
		return nil, err
	}
	if err := f.restore(cfg.State); err != nil {
		return nil, err
	}
	f.watch()
	return f, nil
}

// Run runs the machines until ctx ends. It survives any absence of the API
// server, also from the start.
func (f *Fleet) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.mu.Lock()
	if f.runs {
		f.mu.Unlock()
		return errors.New("the fleet already runs")
	}
	f.runs = true
	f.kubelets.Start(ctx)
	now := time.Now()
	for _, zone := range slices.Sorted(maps.Keys(f.lostZones)) {
		f.watcher.Broke(zoneSubject(zone), f.lostZones[zone], now)
	}
	for _, m := range f.machines() {
		m.OS.SetBooted(now)
		m.begin(now)
	}
	f.mu.Unlock()

	var wg sync.WaitGroup
	f.informers.Start(ctx.Done())
	wg.Go(func() { f.proxy.awaitSync(ctx) })
	f.timers.Run(ctx)
	f.informers.Shutdown()
	f.kubelets.Wait()
	wg.Wait()
	return ctx.Err()
}

// Ready says whether every machine that runs has registered its Node.
func (f *scaleSet) Ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !slices.ContainsFunc(f.machines(), func(m *machine) bool { return m.kubelet.Connected() && !m.kubelet.Registered })
}

// Disks are the managed disks of the node resource group.
func (f *scaleSet) Disks() *cloud.Disks { return f.disks }

// Shares are the file shares of the node resource group.
func (f *scaleSet) Shares() *cloud.Shares { return f.shares }

// PublicDNS is the servers of names outside.
func (f *scaleSet) PublicDNS() *network.Public { return &f.public }

// Misconfigured is why a CoreDNS of the cluster's does not start: the event of its
// configuration; not ok says that all do.
func (f *scaleSet) Misconfigured() (cause timeline.Event, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kubelets.Misconfigured("kube-dns")
}

// Balancers are the load balancers of the node resource group.
func (f *scaleSet) Balancers() *cloud.Balancers { return f.balancers }

// ownerOf is the VM that has an address; empty for none. The lock is held.
func (f *scaleSet) ownerOf(ip netip.Addr) string {
	if m := f.at(ip); m != nil {
		return m.Name
	}
	if f.addresses.nodes != nil {
		return f.addresses.nodes.Owner(ip)
	}
	return ""
}

// machineOf is a VM that disks can be attached to. The lock is held.
func (f *scaleSet) machineOf(name string) (cloud.Machine, bool) {
	m := f.named(name)
	if m == nil || m.deleted() {
		return cloud.Machine{}, false
	}
	return cloud.Machine{Size: m.Size, Zone: m.Zone(), Lost: m.ZoneLost}, true
}

// NodeNames are the full names of all nodes, by pools and their indices,
// without those whose machines were deleted.
func (f *scaleSet) NodeNames() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return names(f.living())
}

// Machines is every machine as it is, by pools and their indices.
func (f *scaleSet) Machines() (out []api.Machine) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.living() {
		out = append(out, m.describe())
	}
	return out
}

// Containers is every container as its node's runtime and kubelet know it,
// ordered by namespace, pod and place in the pod.
func (f *scaleSet) Containers() []api.Container {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kubelets.Containers()
}

// Network is how requests travel between the fleet's pods.
func (f *scaleSet) Network() *network.Network { return f.network }

// TunnelAgents is how many of the tunnel's agents run on nodes that the control plane can
// reach, and of how many.
func (f *scaleSet) TunnelAgents() (ready, of int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kubelets.TunnelAgents()
}

// TunnelAgent is the node of a tunnel agent, if one runs on a node that the control plane
// can reach.
func (f *scaleSet) TunnelAgent() (node string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kubelets.TunnelAgent()
}

// Trouble is what is known of the trouble of a node's machine: the event that is
// the root of it, and since when; ok is false if it has none.
func (f *scaleSet) Trouble(node string) (root timeline.Event, since time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.named(node); m != nil {
		t, ok := m.Oldest()
		return t.Root, t.Since, ok
	}
	return timeline.Event{}, time.Time{}, false
}
