// Package controlplane is the control plane of one managed cluster: the real
// etcd, kube-apiserver, kube-controller-manager and kube-scheduler, linked in
// from upstream and run in this process, behind a stable front door.
//
// [New] prepares a [Plane]; [Plane.Start] brings its components up in order.
// Each [Component] can then be crashed, stopped, started, hung and slowed by
// itself, any number of times, and the links between them can be cut. Nothing
// else in demarc imports k8s.io/kubernetes.
//
// A start of a component is a new incarnation: new goroutines, new listener, a
// link of its own to the component below. A crash takes the listener and every
// connection away at once and cancels the goroutines; what they still try to
// do reaches nobody, because their links are gone. The front door hands the
// connections of clients to an API server that lives, and has the kernel
// refuse them while none does.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/tracing"
	"k8s.io/component-base/version"
)

// Config is what a control plane needs.
type Config struct {
	// Name is the cluster's name.
	Name string
	// Dir holds the cluster's data: etcd, certificates, kubeconfigs.
	Dir string
	// Logs is the folder of the components' logs.
	Logs string
	// Port is the loopback port of the API server; 0 means any free one.
	Port int
	// Ephemeral says that data need not survive a crash of the machine.
	Ephemeral bool
	// Tunnel reaches into the cluster's network.
	Tunnel TunnelDialer
	// Note is told what happens to a component: "started", "crashed".
	Note func(component, verb, message string)
	// Tracing is the provider of the components' spans; nil for none.
	Tracing tracing.TracerProvider
}

// Plane is a control plane.
type Plane struct {
	cfg       Config
	pki       pki
	logs      *logs
	door      *frontDoor
	tunnel    *tunnel
	customer  *entrance
	nodes     *entrance
	provider  *entrance
	etcd      *Component
	apiServer *Component
	manager   *Component
	scheduler *Component
	apiEtcd   *gate // between the API server and etcd

	mu          sync.Mutex
	etcdAddress string // of the member's clients; empty while there is none
	etcdLinks   map[*relay]struct{}
	lastEtcd    *etcdMember
}

// New prepares a control plane: certificates, entrances and logs. Nothing runs
// yet but the ports are taken.
func New(cfg Config) (_ *Plane, err error) {
	p := &Plane{cfg: cfg, pki: pki{cfg.Dir + "/pki"}, door: newFrontDoor(), apiEtcd: &gate{}, etcdLinks: map[*relay]struct{}{}}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if err := p.pki.ensure(); err != nil {
		return nil, fmt.Errorf("make certificates: %w", err)
	}
	if p.logs, err = openLogs(cfg.Logs); err != nil {
		return nil, err
	}
	if p.tunnel, err = newTunnel(cfg.Dir, cfg.Tunnel); err != nil {
		return nil, err
	}
	if err := p.writeEgress(); err != nil {
		return nil, err
	}
	if p.customer, err = p.door.open(roleCustomer, cfg.Port); err != nil {
		return nil, err
	}
	if p.nodes, err = p.door.open(roleNodes, 0); err != nil {
		return nil, err
	}
	if p.provider, err = p.door.open(roleProvider, 0); err != nil {
		return nil, err
	}
	if _, err := p.writeKubeconfig("customer", p.customer.url(), customerAdmin); err != nil {
		return nil, err
	}
	p.etcd = p.component(Etcd, p.startEtcd)
	p.apiServer = p.component(APIServer, p.startAPIServer)
	p.manager = p.component(ControllerManager, p.startControllerManager)
	p.scheduler = p.component(Scheduler, p.startScheduler)
	return p, nil
}

func (p *Plane) component(name string, launch func(context.Context) (incarnation, error)) *Component {
	return &Component{
		name: name, launch: launch, tracer: p.tracer(), state: Stopped, since: time.Now(), gate: p.door.gate("component/" + name),
		note: func(verb, message string) { p.cfg.Note(name, verb, message) },
	}
}

func (p *Plane) tracer() trace.Tracer {
	if p.cfg.Tracing == nil {
		return noop.NewTracerProvider().Tracer("demarc")
	}
	return p.cfg.Tracing.Tracer("demarc")
}

// Start brings up every component, each as soon as it can be.
func (p *Plane) Start(ctx context.Context) error {
	if err := p.etcd.Start(ctx); err != nil {
		return err
	}
	if err := p.apiServer.Start(ctx); err != nil {
		return err
	}
	return errors.Join(p.manager.Start(ctx), p.scheduler.Start(ctx))
}

// Components are the components, in the order in which they start.
func (p *Plane) Components() []*Component {
	return []*Component{p.etcd, p.apiServer, p.manager, p.scheduler}
}

// Component finds a component by name.
func (p *Plane) Component(name string) (*Component, bool) {
	for _, c := range p.Components() {
		if c.name == name {
			return c, true
		}
	}
	return nil, false
}

// Partition cuts the network between two parties: a component and the one that
// it talks to, or "nodes" or "customer" and kube-apiserver. Packets are lost in
// both directions until Rejoin. An error says that the two do not talk.
func (p *Plane) Partition(a, b string) error {
	g, err := p.path(a, b)
	if err == nil {
		g.close()
	}
	return err
}

// Rejoin ends Partition.
func (p *Plane) Rejoin(a, b string) error {
	g, err := p.path(a, b)
	if err == nil {
		g.open()
	}
	return err
}

func (p *Plane) path(a, b string) (*gate, error) {
	if a == APIServer {
		a, b = b, a
	}
	if b == APIServer {
		switch a {
		case Etcd:
			return p.apiEtcd, nil
		case ControllerManager, Scheduler, roleNodes, roleCustomer:
			return p.door.gate(a), nil
		}
	}
	return nil, fmt.Errorf("no connection between %s and %s to cut: everything talks to kube-apiserver, and only kube-apiserver to etcd", a, b)
}

// Stop ends every component in good order and gives everything back.
func (p *Plane) Stop(ctx context.Context) {
	for _, c := range []*Component{p.scheduler, p.manager, p.apiServer, p.etcd} {
		_ = c.Stop(ctx) // not running is fine
	}
	p.close()
}

func (p *Plane) close() {
	for _, e := range []*entrance{p.customer, p.nodes, p.provider} {
		if e != nil {
			e.close()
		}
	}
	if p.tunnel != nil {
		p.tunnel.close()
	}
	if p.logs != nil {
		p.logs.close()
	}
}

// URL is the API server's address for customers.
func (p *Plane) URL() string { return p.customer.url() }

// Kubeconfig is the path of the customer's kubeconfig.
func (p *Plane) Kubeconfig() string { return p.cfg.Dir + "/kubeconfig/customer" }

// Customer is a client configuration with the customer's admin credentials.
func (p *Plane) Customer() (*rest.Config, error) {
	return p.restConfig(p.customer.url(), customerAdmin)
}

// Provider is a client configuration with the provider's own identity.
func (p *Plane) Provider() (*rest.Config, error) {
	return p.restConfig(p.provider.url(), providerAdmin)
}

// NodeProxy is a client configuration for the nodes' side of the front door.
// Its requests are those of whoever their X-Remote-User header says.
func (p *Plane) NodeProxy() (*rest.Config, error) {
	return p.restConfig(p.nodes.url(), frontProxy)
}

// Version is the version of Kubernetes that is linked in.
func (p *Plane) Version() string { return version.Get().GitVersion }

// newEtcdLink is a link to etcd for one incarnation of a client of it. It
// breaks when etcd dies.
func (p *Plane) newEtcdLink(gates ...*gate) (*relay, error) {
	r, err := newRelay(p.etcdTarget, append(gates, p.etcd.gate)...)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.etcdLinks[r] = struct{}{}
	return r, nil
}

func (p *Plane) dropEtcdLink(r *relay) {
	r.kill()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.etcdLinks, r)
}

func (p *Plane) resetEtcdLinks() {
	p.mu.Lock()
	links := slices.Collect(maps.Keys(p.etcdLinks))
	p.mu.Unlock()
	for _, r := range links {
		r.conns.resetAll()
	}
}

func (p *Plane) etcdTarget() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.etcdAddress
}

func (p *Plane) setEtcdAddress(a string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.etcdAddress = a
}
