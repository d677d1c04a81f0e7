package cluster

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	azure "demarc/nodes/cloud"
	"demarc/sim/accept"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/fault"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/cloud-provider/controllers/service"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/metrics/prometheus/controllers"
)

// maxFlows is how many connections there may be through load balancers at a time: each has a
// descriptor of ours.
const maxFlows = 1024

// balancers drive the cloud's load balancers for Services. Kubernetes' own service
// controller asks them to, as it does in AKS's cloud-controller-manager. Each port of a
// public frontend is also a real loopback port, for curl.
type balancers struct {
	cluster *Cluster
	cloud   *azure.Balancers
	flows   chan struct{} // has one of each connection

	mu      sync.Mutex
	saved   []api.LoadBalancer // of an earlier run: loopback ports to keep
	open    map[string]*balancer
	refused map[string]string // why those that were refused last were
}

// balancer is the frontend of one Service.
type balancer struct {
	internal  bool
	ports     []api.LoadBalancer
	listeners []net.Listener
}

func newBalancers(c *Cluster, cloud *azure.Balancers, saved []api.LoadBalancer) *balancers {
	saved = slices.DeleteFunc(slices.Clone(saved), func(l api.LoadBalancer) bool {
		_, err := netip.ParseAddr(l.IP)
		return err != nil
	})
	return &balancers{cluster: c, cloud: cloud, flows: make(chan struct{}, maxFlows), saved: saved, open: map[string]*balancer{}, refused: map[string]string{}}
}

// run runs the service controller until ctx ends.
func (b *balancers) run(ctx context.Context) {
	factory := informers.NewSharedInformerFactory(b.cluster.provider, 0)
	controller, err := service.New(cloud{balancers: b}, b.cluster.provider, factory.Core().V1().Services(), factory.Core().V1().Nodes(),
		b.cluster.spec.Name, featuregate.NewFeatureGate())
	if err != nil {
		b.cluster.fail(fmt.Errorf("service controller: %w", err))
		return
	}
	factory.Start(ctx.Done())
	controller.Run(ctx, 1, controllers.NewControllerManagerMetrics("cloud-controller-manager"))
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.open {
		b.close(key)
	}
}

func balancerKey(s *corev1.Service) string { return s.Namespace + "/" + s.Name }

// ensure makes the frontend of a Service what the Service asks for.
func (b *balancers) ensure(ctx context.Context, s *corev1.Service) (*corev1.LoadBalancerStatus, error) {
	key := balancerKey(s)
	spec, warnings, err := balancerSpec(s)
	for _, w := range warnings {
		b.warn(ctx, s, w)
	}
	if err == nil {
		spec.Kept, spec.Reserved = b.kept(s)
		spec.Address, err = b.cloud.Ensure(spec)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.refuse(key, err)
		return nil, err
	}
	b.granted(key)
	if old := b.open[key]; old == nil || old.internal != spec.Internal || !samePorts(old.ports, s, spec.Address) {
		b.close(key)
		n := &balancer{internal: spec.Internal}
		b.open[key] = n
		for _, p := range s.Spec.Ports {
			if err := b.listen(n, s, spec.Address, p.Port); err != nil {
				b.close(key)
				return nil, err
			}
		}
		where := "on this machine at " + n.ports[0].Address
		if spec.Internal {
			where = "for clients in the virtual network"
		}
		b.cluster.log.Append(timeline.Event{
			Actor: timeline.Provider, Verb: "provisioned", Subject: "service/" + key,
			Message: fmt.Sprintf("load balancer %s for %s, %s", spec.Address, key, where),
		})
	}
	ports := make([]corev1.PortStatus, 0, len(s.Spec.Ports))
	for _, p := range s.Spec.Ports {
		ports = append(ports, corev1.PortStatus{Port: p.Port, Protocol: p.Protocol})
	}
	vip := corev1.LoadBalancerIPModeVIP
	return &corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: spec.Address, IPMode: &vip, Ports: ports}}}, nil
}

// kept is the address that a Service had in an earlier run, and those that others had.
func (b *balancers) kept(s *corev1.Service) (own string, others []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.saved {
		if l.Namespace == s.Namespace && l.Service == s.Name {
			own = l.IP
		} else {
			others = append(others, l.IP)
		}
	}
	return own, others
}

// warning is a reason and what an event says of it.
type warning struct{ reason, message string }

// warn makes a warning event on a Service, as the cloud provider does.
func (b *balancers) warn(ctx context.Context, s *corev1.Service, w warning) {
	now := metav1.Now()
	e := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: s.Name + ".", Namespace: s.Namespace},
		InvolvedObject: corev1.ObjectReference{Kind: "Service", APIVersion: "v1", Namespace: s.Namespace, Name: s.Name, UID: s.UID},
		Reason:         w.reason, Message: w.message, Type: corev1.EventTypeWarning, Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Source: corev1.EventSource{Component: "azure-cloud-provider"},
	}
	_, _ = b.cluster.provider.CoreV1().Events(s.Namespace).Create(ctx, e, metav1.CreateOptions{}) // like any event, it may be lost
}

func samePorts(ports []api.LoadBalancer, s *corev1.Service, ip string) bool {
	return slices.EqualFunc(ports, s.Spec.Ports, func(a api.LoadBalancer, p corev1.ServicePort) bool { return a.Port == p.Port && a.IP == ip })
}

// refuse notes that a Service does not get what it asks for, once for each reason: the
// service controller asks again and again.
func (b *balancers) refuse(key string, why error) {
	if b.refused[key] == why.Error() {
		return
	}
	b.refused[key] = why.Error()
	e := timeline.Event{Actor: timeline.Provider, Verb: "refused", Subject: "service/" + key, Message: "a load balancer: " + why.Error()}
	if !azure.Unavailable(why) { // what the customer asks for cannot be had
		e.Actor = timeline.Customer
		b.cluster.log.Append(e)
		return
	}
	e.Cause = cmp.Or(b.cluster.struck(string(fault.CloudBalancers)), b.cluster.struck(string(fault.Cloud)))
	b.cluster.incidents.Begin(api.ProbeLoadBalancer+key, b.cluster.log.Append(e), time.Now())
}

// granted notes that a Service has what it asks for.
func (b *balancers) granted(key string) {
	if b.refused[key] != "" && b.cluster.incidents != nil {
		b.cluster.incidents.Mended(api.ProbeLoadBalancer+key, time.Now())
	}
	delete(b.refused, key)
}

// listen opens the loopback port of one service port: the one that it had, else
// one of the same number, else any. There is none to an internal frontend.
func (b *balancers) listen(n *balancer, s *corev1.Service, ip string, port int32) error {
	wanted := []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))), "127.0.0.1:0"}
	for _, l := range b.saved {
		if l.Namespace == s.Namespace && l.Service == s.Name && l.Port == port {
			wanted = append([]string{l.Address}, wanted...)
		}
	}
	if n.internal {
		n.ports = append(n.ports, api.LoadBalancer{Namespace: s.Namespace, Service: s.Name, IP: ip, Port: port})
		return nil
	}
	var l net.Listener
	var err error
	for _, a := range wanted {
		if port < 1024 && a == wanted[len(wanted)-2] {
			continue // those ports are the system's
		}
		if l, err = net.Listen("tcp", a); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("open a loopback port: %w", err)
	}
	n.listeners = append(n.listeners, l)
	n.ports = append(n.ports, api.LoadBalancer{Namespace: s.Namespace, Service: s.Name, IP: ip, Port: port, Address: l.Addr().String()})
	go accept.All(l, func(in net.Conn) { b.take(in, s.Namespace, s.Name, port) })
	return nil
}

// take leads a client to a port of a Service.
func (b *balancers) take(in net.Conn, namespace, name string, port int32) {
	select {
	case b.flows <- struct{}{}:
	default:
		reset(in)
		return
	}
	go func() {
		defer func() { <-b.flows }()
		client := clock.Asked(in)
		defer client.Close()
		out, err := b.cluster.fleet.Network().DialService(b.cluster.ctx, namespace, name, port)
		if err != nil {
			reset(in)
			return
		}
		defer out.Close()
		go func() {
			_, _ = io.Copy(out, client) // ends when either side does
			out.Close()
		}()
		_, _ = io.Copy(client, out)
	}()
}

// reset ends a connection in the nearest way to a refusal that is left.
func reset(in net.Conn) {
	if t, ok := in.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	in.Close()
}

// remove takes the frontend of a Service away, and its address is free.
func (b *balancers) remove(s *corev1.Service) error {
	key := balancerKey(s)
	had, err := b.cloud.Remove(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.refuse(key, err)
		return err
	}
	b.saved = slices.DeleteFunc(b.saved, func(l api.LoadBalancer) bool { return l.Namespace == s.Namespace && l.Service == s.Name })
	b.granted(key)
	b.close(key)
	if had {
		b.cluster.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "removed", Subject: "service/" + key, Message: "its load balancer"})
	}
	return nil
}

// close closes a frontend's ports; the caller holds mu.
func (b *balancers) close(key string) {
	if n := b.open[key]; n != nil {
		for _, l := range n.listeners {
			l.Close()
		}
		delete(b.open, key)
	}
}

func (b *balancers) has(namespace, name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open[namespace+"/"+name] != nil
}

// list is every port of every frontend, in order.
func (b *balancers) list() []api.LoadBalancer {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []api.LoadBalancer
	for _, n := range b.open {
		out = append(out, n.ports...)
	}
	slices.SortFunc(out, func(x, y api.LoadBalancer) int {
		return cmp.Or(strings.Compare(x.Address, y.Address), strings.Compare(x.IP, y.IP), cmp.Compare(x.Port, y.Port))
	})
	return out
}
