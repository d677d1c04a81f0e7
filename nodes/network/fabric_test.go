package network

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fabric is three machines with pods, for tests.
type fabric struct {
	nodes []string
	down  map[string]bool
	// unrouted are the machines to whose pods no route leads.
	unrouted map[string]bool
	rules    map[string]*Rules
	// policies are what all machines enforce.
	policies *Policies
	zones    map[string]string
	pods     map[netip.Addr]*fakePod
	// closed are the ports that a rule of the network denies.
	closed []uint16
	// balanced is what the load balancer does with all ports but the unruled.
	balanced Balanced
	unruled  []uint16
	// hostPorts are the ports of the machines that pods have.
	hostPorts map[socket]netip.AddrPort
	// outbound is what every machine has, and held says that nothing is let out.
	outbound Outbound
	held     bool
	// told is what was told of the SNAT ports.
	told []string
}

type fakePod struct {
	node, name string
	ports, udp []int32
	stopped    bool
	silent     bool // takes datagrams and answers none
	handler    http.Handler
	labels     map[string]string
}

var _ Fabric = (*fabric)(nil)

func newFabric() *fabric {
	return &fabric{
		nodes: []string{"n1", "n2", "n3"}, down: map[string]bool{},
		rules: map[string]*Rules{}, pods: map[netip.Addr]*fakePod{},
	}
}

func (f *fabric) Rules(node string) *Rules  { return f.rules[node] }
func (f *fabric) Zone(node string) string   { return f.zones[node] }
func (f *fabric) Policies(string) *Policies { return f.policies }

// Routed says so but for machines that have no route.
func (f *fabric) Routed(node string) bool { return !f.unrouted[node] }

func (f *fabric) Reachable(node string) bool { return slices.Contains(f.nodes, node) && !f.down[node] }
func (f *fabric) Nodes() []string            { return f.nodes }

func (f *fabric) Admits(to netip.AddrPort, _ bool) bool { return !slices.Contains(f.closed, to.Port()) }

func (f *fabric) Balanced(to netip.AddrPort, udp bool) (Balanced, bool) {
	b := f.balanced
	if b.Probe.Name == "" && !udp {
		b.Probe = Probe{Name: "tcp", Port: 30080, Interval: 5 * time.Second, Threshold: 2}
	}
	return b, !slices.Contains(f.unruled, to.Port())
}

func (f *fabric) Outbound(string, netip.AddrPort) (Outbound, bool) { return f.outbound, !f.held }

func (f *fabric) Exhausted(node string, to netip.AddrPort, ports int, none bool) {
	f.told = append(f.told, fmt.Sprintf("%s %s %d %t", node, to, ports, none))
}

func (f *fabric) HostPort(_ string, to netip.AddrPort, udp bool) (netip.AddrPort, bool) {
	at, ok := f.hostPorts[socket{to, udp}]
	return at, ok
}

func (f *fabric) NodeIP(node string) netip.Addr {
	if i := slices.Index(f.nodes, node); i >= 0 {
		return netip.AddrFrom4([4]byte{10, 224, 0, byte(4 + i)})
	}
	return netip.Addr{}
}

func (f *fabric) Backend(ip netip.Addr) (Backend, bool) {
	for _, n := range f.nodes {
		if f.NodeIP(n) == ip {
			return Backend{Node: n, Handler: func(port int32) (http.Handler, bool) { return nil, false }}, true
		}
	}
	p := f.pods[ip]
	if p == nil {
		return Backend{}, false
	}
	return Backend{Node: p.node, Namespace: "default", Pod: p.name, Labels: p.labels, Handler: func(port int32) (http.Handler, bool) {
		return p.handler, !p.stopped && slices.Contains(p.ports, port)
	}, Answer: func(port int32, from netip.AddrPort, payload []byte) ([]byte, bool) {
		if p.silent {
			return nil, true
		}
		return fmt.Appendf(nil, "%s: %s from %s", p.name, payload, from.Addr()), !p.stopped && slices.Contains(p.udp, port)
	}}, true
}

// pod adds a pod and returns its endpoint.
func (f *fabric) pod(node, name, ip string, port int32) *fakePod {
	p := &fakePod{node: node, name: name, ports: []int32{port}, udp: []int32{port}, handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "from ", r.RemoteAddr)
	})}
	f.pods[netip.MustParseAddr(ip)] = p
	return p
}

// program gives all nodes the same rules.
func (f *fabric) program(services []*corev1.Service, slices ...*discoveryv1.EndpointSlice) {
	r := BuildRules(services, slices)
	for _, n := range f.nodes {
		f.rules[n] = r
	}
}

// dns adds CoreDNS on a node, and its Service.
func (f *fabric) dns(node string) (*corev1.Service, *discoveryv1.EndpointSlice) {
	f.pod(node, "coredns", "10.244.9.9", 53)
	s := svc("kube-dns", "10.0.0.10", func(s *corev1.Service) {
		s.Namespace = "kube-system"
		s.Spec.Ports = []corev1.ServicePort{{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP}}
	})
	return s, slice(s, 53, ep("10.244.9.9", node))
}

func svc(name, ip string, change ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	s.Spec.ClusterIP = ip
	s.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80}}
	for _, c := range change {
		c(s)
	}
	return s
}

// slice has the endpoints of a Service's first port.
func slice(s *corev1.Service, port int32, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	x := &discoveryv1.EndpointSlice{AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints}
	x.Namespace, x.Labels = s.Namespace, map[string]string{discoveryv1.LabelServiceName: s.Name}
	x.Ports = []discoveryv1.EndpointPort{{Name: &s.Spec.Ports[0].Name, Port: &port}}
	return x
}

// ep is an endpoint that is ready.
func ep(ip, node string) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{ip}, NodeName: &node, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}
}

// terminating is an endpoint that ends, and still serves or not.
func terminating(ip, node string, serving bool) discoveryv1.Endpoint {
	e := ep(ip, node)
	e.Conditions = discoveryv1.EndpointConditions{Ready: new(false), Serving: &serving, Terminating: new(true)}
	return e
}

func loadBalancer(ip string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		s.Spec.Type = corev1.ServiceTypeLoadBalancer
		s.Spec.Ports[0].NodePort = 30080
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: ip}}
	}
}

func localExternal(s *corev1.Service) {
	s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
}

// within bounds a dial in virtual time.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// ask sends one request and returns the pod that answered.
func ask(t *testing.T, conn net.Conn) (pod, body string) {
	t.Helper()
	defer conn.Close()
	pod, body, err := exchange(conn, true)
	if err != nil {
		t.Fatal(err)
	}
	return pod, body
}

func exchange(conn net.Conn, last bool) (pod, body string, err error) {
	req, _ := http.NewRequest(http.MethodGet, "http://x/", nil)
	req.Close = last
	if err := req.Write(conn); err != nil {
		return "", "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.Header.Get(BackendHeader), string(b), err
}
