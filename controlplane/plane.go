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
// refuse them while none does. Clients inside the engine call the API servers'
// handlers: nothing of theirs goes through the kernel, since virtual time would
// pass while it is under way there.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/tracing"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Config is what a control plane needs.
type Config struct {
	// Name is the cluster's name.
	Name string
	// Dir holds the cluster's data: etcd, certificates, kubeconfigs.
	Dir string
	// Logs is the folder of the components' logs.
	Logs string
	// Port is the loopback port of the API server. If it is 0 or another program
	// has it, any free one is taken, and the kubeconfig names that.
	Port int
	// KubernetesVersion is the version that clients see, such as 1.36.3: one that
	// the linked-in one emulates. Empty means the linked-in one.
	KubernetesVersion string
	// EtcdMembers is 1 or 3, APIServers at least 1.
	EtcdMembers, APIServers int
	// EtcdQuota is the size in bytes at which etcd refuses writes; 0 means AKS's.
	EtcdQuota int64
	// Ephemeral says that data need not survive a crash of the machine.
	Ephemeral bool
	// Tunnel reaches into the cluster's network.
	Tunnel TunnelDialer
	// WebhookEgress lets webhooks by URL reach any host, and not this machine only.
	WebhookEgress bool
	// Note is told what happens to a component: "started", "crashed".
	Note func(component string, verb timeline.Verb, message string)
	// Unserved is told since when no API server takes requests; nil for nobody.
	Unserved func(since time.Time)
	// Mended is told what was found damaged, and how it was mended.
	Mended func(api.Mended)
	// Changed is told what customers change; nil for nobody.
	Changed func(Change)
	// Workloads is the certificate, in PEM, of who signs what simulated servers show: an API
	// server trusts it beside what a webhook's configuration says. Nil for none.
	Workloads []byte
	// Blocked is told when a customer's webhook or policy has refused a request of a part of
	// the cluster; nil for nobody. It must not wait.
	Blocked func(Block)
	// Rejected is told of each request that an API server has rejected since its flow asks
	// for more than its share; nil for nobody. It must not wait.
	Rejected func(Rejection)
	// Tracing is the provider of the components' spans; nil for none.
	Tracing tracing.TracerProvider
}

// Plane is a control plane.
type Plane struct {
	cfg        Config
	pki        pki
	id         string
	parties    *parties
	refusals   *refusals
	writers    *writers
	flows      *flows
	logs       *logs
	door       *frontDoor
	tunnel     *tunnel
	webhooks   *tunnel // to webhooks by URL
	customer   *entrance
	seats      *seats // of the etcd members
	etcd       []*Component
	apiServers []*Component
	apiEtcd    []*gate // between each API server and etcd
	manager    *Component
	scheduler  *Component
	settings   settings
	turn       sync.Mutex   // held by the upgrade under way
	upgrading  atomic.Int32 // whether there is one

	mu      sync.Mutex
	version string // with which components start, such as 1.36.3
}

// New prepares a control plane: certificates, entrances and logs. Nothing runs
// yet but the ports are taken.
func New(cfg Config) (_ *Plane, err error) {
	if cfg.Mended == nil {
		cfg.Mended = func(api.Mended) {}
	}
	p := &Plane{cfg: cfg, pki: pki{cfg.Dir + "/pki", !cfg.Ephemeral}, refusals: newRefusals(), writers: newWriters(), flows: newFlows(cfg.Rejected), door: newFrontDoor(cfg.Unserved)}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if err := p.SetVersion(cfg.KubernetesVersion); err != nil {
		return nil, err
	}
	// What a restore that was interrupted has left is plain, and not whole.
	if err := os.RemoveAll(p.staging()); err != nil {
		return nil, err
	}
	if err := p.secure(); err != nil {
		return nil, fmt.Errorf("make certificates: %w", err)
	}
	if p.parties, err = newParties(p.pki); err != nil {
		return nil, err
	}
	if p.logs, err = openLogs(cfg.Logs); err != nil {
		return nil, err
	}
	if p.tunnel, err = newTunnel(cfg.Dir, "proxysocket", cfg.Tunnel, noTunnel); err != nil {
		return nil, err
	}
	if !cfg.WebhookEgress {
		forgetProxies()
	}
	if p.webhooks, err = newTunnel(cfg.Dir, "webhooksocket", webhookDialer(cfg.WebhookEgress), webhookRefusal); err != nil {
		return nil, err
	}
	if err := p.writeEgress(); err != nil {
		return nil, err
	}
	if p.customer, err = p.door.open(roleCustomer, cfg.Port); err != nil {
		return nil, err
	}
	kubeconfig, err := p.secureKubeconfig(p.customer.url(), customerAdmin)
	if err != nil {
		return nil, err
	}
	if _, err := p.writeKubeconfig(roleCustomer, kubeconfig); err != nil {
		return nil, err
	}
	if p.seats, err = newSeats(cfg.Dir, max(cfg.EtcdMembers, 1), cfg.Mended, !cfg.Ephemeral); err != nil {
		return nil, err
	}
	for i, s := range p.seats.list {
		s.component = p.component(instance(Etcd, i, len(p.seats.list)), func(ctx context.Context) (incarnation, error) { return p.startEtcd(ctx, s) })
		p.etcd = append(p.etcd, s.component)
	}
	for i := range max(cfg.APIServers, 1) {
		path := &gate{}
		c := p.component(instance(APIServer, i, cfg.APIServers), nil)
		c.launch = func(context.Context) (incarnation, error) { return p.startAPIServer(c, path) }
		p.apiServers, p.apiEtcd = append(p.apiServers, c), append(p.apiEtcd, path)
	}
	p.manager = p.component(ControllerManager, p.startControllerManager)
	p.scheduler = p.component(Scheduler, p.startScheduler)
	for _, c := range slices.Concat(p.apiServers, []*Component{p.manager, p.scheduler}) {
		c.release = p.release
	}
	return p, p.seats.connect()
}

// instance is the name of one of several: etcd/0, or etcd if there is only one.
func instance(name string, i, of int) string {
	if of <= 1 {
		return name
	}
	return name + "/" + strconv.Itoa(i)
}

func (p *Plane) component(name string, launch func(context.Context) (incarnation, error)) *Component {
	return &Component{
		name: name, launch: launch, tracer: p.tracer(), state: Stopped, since: time.Now(), gate: p.door.gate("component/" + name),
		note: func(verb timeline.Verb, message string) { p.cfg.Note(name, verb, message) },
	}
}

func (p *Plane) tracer() trace.Tracer {
	if p.cfg.Tracing == nil {
		return noop.NewTracerProvider().Tracer("demarc")
	}
	return p.cfg.Tracing.Tracer("demarc")
}

// Start brings up every component, each as soon as it can be. Those that are
// held down stay down.
func (p *Plane) Start(ctx context.Context) error {
	return p.StartSome(ctx, p.Components())
}

// StartSome is Start for some of the components: first members of etcd, then
// API servers, then those that need one.
func (p *Plane) StartSome(ctx context.Context, wanted []*Component) error {
	for _, group := range [][]*Component{p.etcd, p.apiServers, {p.manager, p.scheduler}} {
		mayFail := len(group)
		if group[0] == p.etcd[0] {
			mayFail = (len(p.etcd) - 1) / 2
		}
		group = slices.DeleteFunc(slices.Clone(group), func(c *Component) bool { return !slices.Contains(wanted, c) })
		if err := startAll(ctx, group, mayFail); err != nil {
			return err
		}
	}
	return nil
}

// errNoQuorum is why a member of etcd is not waited for.
var errNoQuorum = errors.New("it waits for a quorum, and too many of the others have failed")

// startAll starts components together: members of etcd wait for each other. When
// more have failed than may, the others could wait for ever: they go on starting,
// and nobody waits for them.
func startAll(ctx context.Context, group []*Component, mayFail int) error {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	errs := make([]error, len(group))
	var failed atomic.Int32
	var all sync.WaitGroup
	for i, c := range group {
		all.Go(func() {
			err := c.Start(ctx)
			var held *HeldError
			if err == nil || errors.As(err, &held) {
				return
			}
			errs[i] = err
			if int(failed.Add(1)) > mayFail {
				giveUp(errNoQuorum)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Components are the components, in the order in which they start.
func (p *Plane) Components() []*Component {
	return slices.Concat(p.etcd, p.apiServers, []*Component{p.manager, p.scheduler})
}

// Group is the components of one kind: all members for etcd, all API servers
// for kube-apiserver, and for etcd/0 that member alone.
func (p *Plane) Group(name string) []*Component {
	var list []*Component
	for _, c := range p.Components() {
		if Comprises(name, c.name) {
			list = append(list, c)
		}
	}
	return list
}

// Comprises says whether a name is that of a component, or of all of its kind:
// both etcd and etcd/0 comprise etcd/0.
func Comprises(name, component string) bool {
	kind, _, _ := strings.Cut(component, "/")
	return name == component || name == kind
}

// apiServerAnswers says whether an API server answers now, or has answered within
// the time given, whoever asked it.
func (p *Plane) apiServerAnswers(ctx context.Context, within time.Duration) bool {
	return slices.ContainsFunc(p.apiServers, func(c *Component) bool {
		return time.Since(c.Answered()) < within || c.Healthy(ctx) == nil
	})
}

// Partition cuts the network between two parties: a component and the one that
// it talks to, "nodes" or "customer" and kube-apiserver, or one etcd member and
// everybody (etcd/0 and etcd). Packets are lost in both directions until Rejoin.
// An error says that the two do not talk.
func (p *Plane) Partition(a, b string) error {
	return p.paths(a, b, (*gate).close)
}

// Rejoin ends Partition.
func (p *Plane) Rejoin(a, b string) error {
	return p.paths(a, b, (*gate).open)
}

// paths does something to every gate between two parties.
func (p *Plane) paths(a, b string, do func(*gate)) error {
	var found []*gate
	for i, c := range p.apiServers {
		if Comprises(a, c.name) && b == Etcd {
			found = append(found, p.apiEtcd[i])
		}
	}
	for _, s := range p.seats.list {
		if a == s.component.name && a != Etcd && b == Etcd {
			found = append(found, s.cut)
		}
	}
	if b == APIServer && slices.Contains([]string{ControllerManager, Scheduler, roleNodes, roleCustomer}, a) {
		found = append(found, p.door.gate(a))
	}
	if len(found) == 0 {
		return fmt.Errorf("no connection between %s and %s to cut: everything talks to kube-apiserver, and only kube-apiserver to etcd", a, b)
	}
	for _, g := range found {
		do(g)
	}
	return nil
}

// Stop ends every component in good order and gives everything back.
func (p *Plane) Stop(ctx context.Context) {
	all := p.Components()
	slices.Reverse(all)
	for _, c := range all {
		_ = c.Stop(ctx) // not running is fine
	}
	p.close()
}

func (p *Plane) close() {
	if p.customer != nil {
		p.customer.close()
	}
	if p.seats != nil {
		p.seats.close()
	}
	for _, t := range []*tunnel{p.tunnel, p.webhooks} {
		if t != nil {
			t.close()
		}
	}
	if p.logs != nil {
		p.logs.close()
	}
}

// URL is the API server's address for customers.
func (p *Plane) URL() string { return p.customer.url() }

// Kubeconfig is the path of the customer's kubeconfig.
func (p *Plane) Kubeconfig() string { return p.cfg.Dir + "/kubeconfig/customer" }

// Customer is the configuration of a client of the customer's, with a connection of its
// own. Its changes are not told to Config.Changed: whoever uses it says himself what he
// does.
func (p *Plane) Customer() *rest.Config { return p.restConfig(roleCustomer, recordedCustomer) }

// Provider is the same with the provider's own identity.
func (p *Plane) Provider() *rest.Config { return p.restConfig(roleProvider, providerAdmin) }

// NodeProxy is the same for the nodes. Its requests are those of whoever their
// X-Remote-User header says.
func (p *Plane) NodeProxy() *rest.Config { return p.restConfig(roleNodes, frontProxy) }
