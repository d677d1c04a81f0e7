package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"demarc/sim/accept"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/cloud-provider/controllers/service"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/metrics/prometheus/controllers"
)

const (
	// maxRules is how many ports all frontends may have together, each with a rule of its
	// own: the limit of Azure's Standard load balancer.
	maxRules = 1500
	// maxFlows is how many connections there may be through them at a time: each has a
	// descriptor of ours.
	maxFlows = 1024
)

// balancers are the cloud's load balancers. Kubernetes' own service controller
// drives them, as it does in AKS's cloud-controller-manager. Each port of a
// balancer is also a real loopback port, for curl.
type balancers struct {
	cluster *Cluster
	flows   chan struct{} // has one of each connection

	mu      sync.Mutex
	saved   []api.LoadBalancer // of an earlier run: addresses to keep
	open    map[string]*balancer
	refused map[string]bool // those for which there was no address
	next    int             // the address to look at next
}

// balancer is the frontend of one Service.
type balancer struct {
	ports     []api.LoadBalancer
	listeners []net.Listener
}

func newBalancers(c *Cluster, saved []api.LoadBalancer) *balancers {
	saved = slices.DeleteFunc(slices.Clone(saved), func(l api.LoadBalancer) bool {
		_, err := netip.ParseAddr(l.IP)
		return err != nil
	})
	return &balancers{cluster: c, flows: make(chan struct{}, maxFlows), saved: saved, open: map[string]*balancer{}, refused: map[string]bool{}}
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
func (b *balancers) ensure(s *corev1.Service) (*corev1.LoadBalancerStatus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := balancerKey(s)
	if old := b.open[key]; old == nil || !samePorts(old.ports, s) {
		ip, err := b.address(s)
		if err != nil {
			b.refuse(key, err)
			return nil, err
		}
		b.close(key)
		delete(b.refused, key)
		n := &balancer{}
		b.open[key] = n
		for _, p := range s.Spec.Ports {
			if err := b.listen(n, s, ip, p.Port); err != nil {
				b.close(key)
				return nil, err
			}
		}
		b.cluster.log.Append(timeline.Event{
			Actor: timeline.Provider, Verb: "provisioned", Subject: "service/" + key,
			Message: fmt.Sprintf("load balancer %s for %s, on this machine at %s", ip, key, n.ports[0].Address),
		})
	}
	ports := make([]corev1.PortStatus, 0, len(s.Spec.Ports))
	for _, p := range s.Spec.Ports {
		ports = append(ports, corev1.PortStatus{Port: p.Port, Protocol: p.Protocol})
	}
	vip := corev1.LoadBalancerIPModeVIP
	return &corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: b.open[key].ports[0].IP, IPMode: &vip, Ports: ports}}}, nil
}

func samePorts(ports []api.LoadBalancer, s *corev1.Service) bool {
	return slices.EqualFunc(ports, s.Spec.Ports, func(a api.LoadBalancer, p corev1.ServicePort) bool { return a.Port == p.Port })
}

// refuse notes that a Service gets no frontend, once: the service controller asks
// again and again.
func (b *balancers) refuse(key string, why error) {
	if b.refused[key] {
		return
	}
	b.refused[key] = true
	b.cluster.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "refused", Subject: "service/" + key, Message: "a load balancer: " + why.Error()})
}

// address is the address of a Service's frontend: the one that it had, or a free one.
func (b *balancers) address(s *corev1.Service) (string, error) {
	rules := len(s.Spec.Ports)
	for key, n := range b.open {
		if key != balancerKey(s) {
			rules += len(n.ports)
		}
	}
	if rules > maxRules {
		return "", fmt.Errorf("a load balancer has at most %d rules, and with its %d ports there would be %d", maxRules, len(s.Spec.Ports), rules)
	}
	taken := map[string]bool{}
	if old := b.open[balancerKey(s)]; old != nil && len(old.ports) > 0 {
		return old.ports[0].IP, nil
	}
	for _, l := range b.saved {
		if l.Namespace == s.Namespace && l.Service == s.Name {
			return l.IP, nil
		}
		taken[l.IP] = true
	}
	for _, n := range b.open {
		taken[n.ports[0].IP] = true
	}
	i, err := freeAddress(b.next, taken)
	if err != nil {
		return "", err
	}
	b.next = i + 1
	return publicAddress(i), nil
}

// listen opens the loopback port of one service port: the one that it had, else
// one of the same number, else any.
func (b *balancers) listen(n *balancer, s *corev1.Service, ip string, port int32) error {
	wanted := []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))), "127.0.0.1:0"}
	for _, l := range b.saved {
		if l.Namespace == s.Namespace && l.Service == s.Name && l.Port == port {
			wanted = append([]string{l.Address}, wanted...)
		}
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
func (b *balancers) remove(s *corev1.Service) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = slices.DeleteFunc(b.saved, func(l api.LoadBalancer) bool { return l.Namespace == s.Namespace && l.Service == s.Name })
	delete(b.refused, balancerKey(s))
	if b.open[balancerKey(s)] == nil {
		return
	}
	b.close(balancerKey(s))
	b.cluster.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "removed", Subject: "service/" + balancerKey(s), Message: "its load balancer"})
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
		if x.Address < y.Address {
			return -1
		}
		return 1
	})
	return out
}
