// Package nodes is a fleet of simulated worker machines that is attached to a
// real kube-apiserver: their kubelets, container runtimes and kube-proxies.
//
// From outside, make a fleet with [NewFleet], run it with [Fleet.Run], look at
// it with [Fleet.Machines] and [Fleet.Containers], and harm it with the faults
// ([Fleet.PowerOff], [Fleet.CutNetwork], [Fleet.StopKubelet],
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
	"sync"
	"sync/atomic"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/kubelet"
	"demarc/nodes/network"
	"demarc/nodes/timers"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

// MaxNodes is the most nodes a fleet can have: one AKS node pool (Microsoft,
// "Quotas, virtual machine size restrictions, and region availability in AKS").
const MaxNodes = 1000

// Config says what fleet to make.
type Config struct {
	// ClusterName is what the nodes' names are made from.
	ClusterName string
	// Nodes is how many there are at first, 1 to [MaxNodes].
	Nodes int
	// Seed makes the fleet's choices repeatable.
	Seed uint64
	// Location is the Azure region; "westeurope" if empty.
	Location string
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
	Watcher Watcher
	// Starts remembers what must not be started again; nil forgets.
	Starts *kubelet.Starts
	// State is what [Fleet.Save] returned, to resume; nil for new machines.
	State []byte
}

// Fleet is a set of worker machines. Its methods may be called from any
// goroutine.
type Fleet struct {
	cfg     Config
	client  kubernetes.Interface
	log     *timeline.Log
	network *network.Network
	watcher Watcher

	informers informers.SharedInformerFactory
	services  corelisters.ServiceLister
	slices    discoverylisters.EndpointSliceLister
	nodes     corelisters.NodeLister

	podsSeen cache.InformerSynced // the pods of the first list were
	synced   atomic.Bool          // the informers have read the API server's state once

	roster atomic.Pointer[roster]

	mu       sync.Mutex
	timers   *timers.Queue
	kubelets *kubelet.Kubelets

	next     int                 // instance number
	asked    map[string]answered // for machines to come and go, by the requests' keys
	images   map[[2]string]*host.Image
	proxy    proxySync
	restored settling
	subnet   subnet
	patches  patches
	repairs  repairs
	runs     bool // Run was called
}

// NewFleet makes a fleet. Its machines are on, or as they were when State was
// saved; nothing happens before [Fleet.Run].
func NewFleet(cfg Config) (*Fleet, error) {
	switch {
	case cfg.Nodes < 1 || cfg.Nodes > MaxNodes:
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
	f := &Fleet{
		cfg:    cfg,
		client: cfg.Client,
		log:    cfg.Timeline,
		asked:  map[string]answered{},
		images: map[[2]string]*host.Image{},
	}
	f.timers = timers.New(&f.mu)
	f.proxy.f = f
	f.watcher, f.subnet = cfg.Watcher, newSubnet(cfg.Location)
	if f.watcher == nil {
		f.watcher = nobody{}
	}
	f.network = network.New(f, cfg.Seed)
	var err error
	f.kubelets, err = kubelet.New(kubelet.Config{
		Lock: &f.mu, Fleet: kubeletsFleet{f}, Timers: f.timers, Client: cfg.Client, Network: f.network, Log: f.log, Seed: cfg.Seed, Starts: cfg.Starts,
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
	for _, m := range f.machines() {
		m.os.SetBooted(now)
		m.begin(now)
	}
	f.mu.Unlock()

	var wg sync.WaitGroup
	f.informers.Start(ctx.Done())
	wg.Go(func() { f.awaitSync(ctx) })
	f.timers.Run(ctx)
	f.informers.Shutdown()
	f.kubelets.Wait()
	wg.Wait()
	return ctx.Err()
}

// Ready says whether every machine that runs has registered its Node.
func (f *Fleet) Ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.machines() {
		if m.kubelet.Connected() && !m.kubelet.Registered() {
			return false
		}
	}
	return true
}

// NodeNames are the full names of all nodes, in the order of their indices,
// without those whose machines were deleted.
func (f *Fleet) NodeNames() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, m := range f.machines() {
		if m.stopped != deleted {
			names = append(names, m.name)
		}
	}
	return names
}

// NodeName resolves an index from 0, which is the instance number, a suffix such as vmss000000, or a full
// name to a node's full name.
func (f *Fleet) NodeName(ref string) (string, bool) {
	m, err := f.find(ref)
	if err != nil {
		return "", false
	}
	return m.name, true
}

// Machines is every machine as it is, in the order of their indices.
func (f *Fleet) Machines() []api.Machine {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []api.Machine
	for _, m := range f.machines() {
		if m.stopped != deleted {
			out = append(out, m.describe())
		}
	}
	return out
}

// Synced is [ErrNotSynced] as long as the fleet has not read what the API server
// has: until then it knows of no pod, and so of no container.
func (f *Fleet) Synced() error {
	if !f.synced.Load() {
		return ErrNotSynced
	}
	return nil
}

// Containers is every container as its node's runtime and kubelet know it,
// ordered by namespace, pod and place in the pod.
func (f *Fleet) Containers() []api.Container {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kubelets.Containers()
}

// Network is how requests travel between the fleet's pods.
func (f *Fleet) Network() *network.Network { return f.network }

// TunnelReady says whether a tunnel agent runs on a node that the control plane
// can reach.
func (f *Fleet) TunnelReady() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kubelets.TunnelReady()
}
