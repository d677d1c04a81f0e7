// Package kubelet is the kubelets of simulated nodes, with their container
// runtimes and their node problem detectors: pods, containers, images, volumes,
// probes, hooks, eviction, status, and the kubelet's API.
//
// A [Kubelet] is one node's; [Kubelets] are all, with what they share. They see
// their machine as a [Machine] and the fleet around it as a [Fleet]. All is under
// one lock, which is the fleet's: it is held by every step of a machine or pod, by
// every exported method that says so, and by the methods of the two interfaces.
// Nothing waits while it holds the lock; what does, which is requests to the API
// server, programs of containers and probes, takes what it needs under the lock
// and comes back with the result.
//
// A step lets the runtime do what is due by itself (what exits, what is being
// stopped), then, if the kubelet runs, the kubelet (start, restart, back off,
// probe, stop). What the API server must hear is left on the record, and a few
// workers write it, newest state only, when the node can reach the API server
// (write.go). Goroutines of their own are given only to containers that run a
// shell script, to streams of the kubelet API, and to a probe while it asks.
package kubelet

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"sync"
	"time"

	"demarc/nodes/network"
	"demarc/nodes/timers"
	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
)

// writers is how many requests to the API server the kubelets have under way.
const writers = 8

// Fleet is what the kubelets need of the fleet around them. Its methods are
// called with the lock held, except Node.
type Fleet interface {
	// Kubelets are those of the machines, by the machines' indices.
	Kubelets() iter.Seq[*Kubelet]
	// Node is a Node as the fleet's informer has it.
	Node(name string) (*corev1.Node, error)
	// RulesWanted tells that a kube-proxy may now get rules that it could not before.
	RulesWanted()
	// Restoring says whether pods that are missing may be missing because of a restore.
	Restoring() bool
	// Broke and Mended tell that a part of a node, which is a container, has ended by
	// an event, and runs again.
	Broke(subject string, cause int64, now time.Time)
	Mended(subject string, now time.Time)
	// Repaired enters a repair that a kubelet has done, of what an event has broken.
	Repaired(r api.Repair, cause int64)
}

// Config says what kubelets share.
type Config struct {
	// Lock is the fleet's; it is not held by New.
	Lock   *sync.Mutex
	Fleet  Fleet
	Timers *timers.Queue
	// Client speaks for a node when its context carries one ([WithIdentity]).
	Client  kubernetes.Interface
	Network *network.Network
	Log     *timeline.Log
	Seed    uint64
	// Starts remembers what must not be started again; nil forgets.
	Starts *Starts
}

// Kubelets are the kubelets of all nodes: the pods, and what is written of them.
type Kubelets struct {
	cfg     Config
	mu      *sync.Mutex
	fleet   Fleet
	timers  *timers.Queue
	client  kubernetes.Interface
	network *network.Network
	log     *timeline.Log
	writes  *workqueue.Typed[job]
	server  *server
	config  *configCache

	online   bool // the API server answered last
	pods     map[types.UID]*pod
	byIP     map[netip.Addr]*pod
	agents   map[types.UID]*pod // of the tunnel
	vanished []*corev1.Pod      // are missing from what a restore has brought back
	scripts  sync.WaitGroup
	workers  sync.WaitGroup
	ctx      context.Context // of Start; nil before
}

// New makes what the kubelets of a fleet share.
func New(cfg Config) (*Kubelets, error) {
	ks := &Kubelets{
		cfg: cfg, mu: cfg.Lock, fleet: cfg.Fleet, timers: cfg.Timers, client: cfg.Client, network: cfg.Network, log: cfg.Log,
		writes: workqueue.NewTyped[job](), // nameless: a named queue may own a ticker
		config: newConfigCache(),
		online: true,
		pods:   map[types.UID]*pod{},
		byIP:   map[netip.Addr]*pod{},
		agents: map[types.UID]*pod{},
	}
	var err error
	ks.server, err = newServer(ks)
	return ks, err
}

// Start lets containers run their programs, serves the kubelets' APIs and writes to
// the API server, all until ctx ends. The lock is held.
func (ks *Kubelets) Start(ctx context.Context) {
	ks.ctx = ctx
	ks.workers.Go(func() { ks.server.serve(ctx) })
	for range writers {
		ks.workers.Go(func() { ks.write(ctx) })
	}
}

// Wait waits until all that was started has ended. Its context has, and nothing is
// stepped any more.
func (ks *Kubelets) Wait() {
	ks.writes.ShutDown()
	ks.scripts.Wait()
	ks.workers.Wait()
}

// Online says whether the API server answered last. The lock is held.
func (ks *Kubelets) Online() bool { return ks.online }

// isScout says whether k is the one that tries whether the API server is back.
func (ks *Kubelets) isScout(k *Kubelet) bool {
	for o := range ks.fleet.Kubelets() {
		if o.Connected() {
			return o == k
		}
	}
	return false
}

// setOnline records whether the API server answers, and lets everything be
// written when it does again. The lock is held.
func (ks *Kubelets) setOnline(online bool) {
	if ks.online == online {
		return
	}
	ks.online = online
	for k := range ks.fleet.Kubelets() {
		if !k.Connected() {
			continue
		}
		if online {
			k.leaseDue, k.statusDue = true, true
			k.retry = retry{}
			for _, p := range k.pods {
				p.retry = retry{}
				p.flush()
			}
		}
		ks.timers.Wake(k.m)
	}
	ks.fleet.RulesWanted()
}

// TunnelReady says whether a tunnel agent runs on a node that the control plane
// can reach. The lock is held.
func (ks *Kubelets) TunnelReady() bool {
	for _, p := range ks.agents {
		if p.k.m.Online() && p.anyRunning() {
			return true
		}
	}
	return false
}

// TunnelChanged breaks what goes through the tunnel if its last agent is gone.
// The lock is held.
func (ks *Kubelets) TunnelChanged() {
	if !ks.TunnelReady() {
		ks.server.drop(nil)
	}
}

// Containers is every container as its node's runtime and kubelet know it,
// ordered by namespace, pod and place in the pod. The lock is held.
func (ks *Kubelets) Containers() (out []api.Container) {
	for _, p := range sortedPods(ks.pods) {
		for _, c := range p.containers {
			out = append(out, c.describe())
		}
	}
	return out
}

// Crash ends a running container with an exit code and a reason: Error or
// OOMKilled; empty means the usual one of the code. An empty name means the
// pod's first container. The lock is held.
func (ks *Kubelets) Crash(namespace, pod, name string, exitCode int, reason string, by timeline.Actor) (timeline.Event, error) {
	if exitCode < 0 || exitCode > 255 {
		return timeline.Event{}, fmt.Errorf("exit code %d: want 0 to 255", exitCode)
	}
	c, err := ks.container(namespace, pod, name)
	if err != nil {
		return timeline.Event{}, err
	}
	if c.state != running {
		return timeline.Event{}, fmt.Errorf("container %s of pod %s/%s does not run", c.name, namespace, pod)
	}
	now := time.Now()
	if reason == "" {
		reason = exitReason(exitCode)
	}
	e := ks.log.Append(timeline.Event{
		Time: now, Actor: by, Verb: "crashed", Subject: c.subject(),
		Message: fmt.Sprintf("the container ended with exit code %d (%s)", exitCode, reason),
	})
	c.exit(now, exitCode, reason)
	c.cause = e.Seq
	c.out(now)
	ks.timers.Wake(c.p)
	return e, nil
}
