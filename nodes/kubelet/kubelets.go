// Package kubelet is the kubelets of simulated nodes, with their container
// runtimes and their node problem detectors: pods, containers, images, volumes,
// probes, hooks, eviction, status, and the kubelet's API.
//
// A [Kubelet] is one node's, on its [vm.VM]; [Kubelets] are all, with what they share
// ([Config]). All is under one lock, which is the fleet's: it is held by every step of
// a machine or pod, and by every exported method that says so.
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
	"io"
	"iter"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/coredns"
	"demarc/nodes/host"
	"demarc/nodes/image"
	"demarc/nodes/network"
	"demarc/nodes/program"
	"demarc/nodes/timers"
	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
)

// writers is how many requests to the API server the kubelets have under way.
const writers = 8

// Config is what kubelets share with the fleet around them. Its functions are called
// with the lock held, except Node.
type Config struct {
	// Lock is the fleet's; it is not held by New.
	Lock   *sync.Mutex
	Timers *timers.Queue
	// Client speaks for a node when its context carries one ([WithIdentity]).
	Client  kubernetes.Interface
	Network *network.Network
	Log     *timeline.Log
	Seed    uint64
	// Starts remembers what must not be started again; nil forgets.
	Starts *Starts
	// Repairs are those that kubelets have done.
	Repairs *vm.Repairs
	// Proxy is woken when a kube-proxy may get rules that it could not get before.
	Proxy timers.Item
	// Restoring says whether pods that are missing may be missing because of a restore.
	Restoring *bool
	// Kubelets are those of the machines, by the machines' indices, and Size their number.
	Kubelets iter.Seq[*Kubelet]
	Size     func() int
	// Node is a Node as the fleet's informer has it.
	Node func(name string) (*corev1.Node, error)
	// Services are those of a namespace, as the fleet's informer has them; nil for none.
	Services func(namespace string) []*corev1.Service
	// Blocked says whether something keeps a machine's packets from a registry of images.
	Blocked func(system *host.Host, registry string) bool
	// Targeted says whether a Service sends to a port of a pod's, of UDP or of TCP; nil for no
	// Service.
	Targeted func(to netip.AddrPort, udp bool) bool
	// Live says whether programs in real time can keep up with the clock; nil means that they
	// can.
	Live func() bool
	// Images says how the containers of each image behave; nil means as [image.Builtin]
	// does.
	Images *image.Catalogue
	// Disks are the managed disks, and Shares the file shares, under the same lock.
	Disks  *cloud.Disks
	Shares *cloud.Shares
	// PodSpace is the subnet from which nodes get addresses for their pods; nil for none.
	PodSpace *cloud.Space
	// NodeShell runs a command of a pod's in the shell of its node, as root.
	NodeShell func(ctx context.Context, node, pod string, argv []string, in io.Reader, out, errOut io.Writer) int
	// Follow has a machine follow what a container has changed on its disk.
	Follow func(node string, now time.Time)
	// Agent is the program of a container that works on the machine itself; nil for
	// any other.
	Agent func(node string, pod *corev1.Pod, container *corev1.Container) program.Agent
	// Gateway is the program of a container that answers requests by what it reads from the
	// API server, and connects as dial does; nil for any other.
	Gateway func(node string, pod *corev1.Pod, container *corev1.Container, dial program.Dialer) program.Gateway
	// API is what a container answers below /apis/; nil for nothing.
	API func(node string, container *corev1.Container) http.Handler
}

// Kubelets are the kubelets of all nodes: the pods, and what is written of them.
type Kubelets struct {
	Config
	writes *workqueue.Typed[job]
	server *server
	config *configCache
	assumptions

	// corefiles are the configurations of servers of names that an earlier engine ran, by
	// container, where they are not what is mounted.
	corefiles map[string]coredns.Files

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
		Config: cfg,
		writes: workqueue.NewTyped[job](), // nameless: a named queue may own a ticker
		config: &configCache{entries: map[configKey]configEntry{}},
		online: true,
		pods:   map[types.UID]*pod{},
		byIP:   map[netip.Addr]*pod{},
		agents: map[types.UID]*pod{},
	}
	if ks.Images == nil {
		ks.Images = image.Builtin()
	}
	ks.recall(cfg.Log)
	var err error
	ks.server, err = newServer(ks)
	return ks, err
}

// Start lets containers run their programs, serves the kubelets' APIs and writes to
// the API server, all until ctx ends. The lock is held.
func (ks *Kubelets) Start(ctx context.Context) {
	ks.ctx = ctx
	ks.workers.Go(func() { ks.server.serve(ctx) })
	ks.workers.Go(func() { ks.watchConfig(ctx) })
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
	for o := range ks.Kubelets {
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
	for k := range ks.Kubelets {
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
		ks.Timers.Wake(k.item)
	}
	ks.Timers.Wake(ks.Proxy)
}

// TunnelAgents is how many of the tunnel's agents run on nodes that the control plane can
// reach, and of how many. The lock is held.
func (ks *Kubelets) TunnelAgents() (ready, of int) {
	for _, p := range ks.agents {
		if of++; p.k.m.Online() && p.anyRunning() {
			ready++
		}
	}
	return ready, of
}

// TunnelAgent is the node of a tunnel agent, if one runs on a node that the control plane
// can reach: by name the first, so that it is the same each time. The lock is held.
func (ks *Kubelets) TunnelAgent() (node string, ok bool) {
	for _, p := range ks.agents {
		if name := p.k.m.Name; p.k.m.Online() && p.anyRunning() && (!ok || name < node) {
			node, ok = name, true
		}
	}
	return node, ok
}

// TunnelChanged breaks what goes through the tunnel if its last agent is gone.
// The lock is held.
func (ks *Kubelets) TunnelChanged() {
	if _, ok := ks.TunnelAgent(); !ok {
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
	e := ks.Log.Append(timeline.Event{
		Time: now, Actor: by, Verb: "crashed", Subject: c.subject(),
		Message: fmt.Sprintf("the container ended with exit code %d (%s)", exitCode, reason),
	})
	c.exit(now, exitCode, reason)
	c.cause = e.Seq
	c.out(now)
	ks.Timers.Wake(c.p)
	return e, nil
}
