package nodes

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"demarc/nodes/kubelet"
	"demarc/nodes/network"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

// fabric is the nodes as the network between pods sees them.
type fabric struct {
	*scaleSet
	*objects
}

var _ network.Fabric = fabric{}

// Rules is what a node's kube-proxy last programmed; nil if it never did.
func (f fabric) Rules(node string) *network.Rules {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.named(node); m != nil {
		return m.rules
	}
	return nil
}

// Zone is the availability zone of a node; empty if it is in none.
func (f fabric) Zone(node string) string {
	if m := f.named(node); m != nil {
		return m.Zone()
	}
	return ""
}

// Policies are what a node's network policy engine last programmed; nil if it never did, or
// if the cluster has none.
func (f fabric) Policies(node string) *network.Policies {
	if !f.cfg.NetworkPolicy.Enforces() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.named(node); m != nil {
		return m.policies
	}
	return nil
}

// Reachable says whether a node's machine runs and its network is up.
func (f fabric) Reachable(node string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.named(node)
	return m != nil && m.Reachable()
}

// Admits says whether the network security group lets packets from the internet
// to a port of a load balancer's.
func (f fabric) Admits(to netip.AddrPort, udp bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.subnet.admits(to, udp)
}

// Balanced is the load balancer's rule for a port of an address.
func (f fabric) Balanced(to netip.AddrPort, udp bool) (network.Balanced, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rule, probe, internal := f.balancers.Rule(to, udp)
	if rule == nil {
		return network.Balanced{}, false
	}
	b := network.Balanced{Internal: internal, ByClient: rule.Persistence == api.DistributionSourceIP}
	if probe != nil {
		b.Probe = probeOf(*probe)
	}
	return b, true
}

// probeOf is a health probe as the network sends it.
func probeOf(p api.BalancerProbe) network.Probe {
	return network.Probe{
		Name: p.Name, Port: uint16(p.Port), Path: p.Path, Interval: time.Duration(p.Interval) * time.Second, Threshold: p.Threshold,
	}
}

// Nodes are the nodes behind the load balancer: not those with Kubernetes' label
// that keeps a node out, as far as the fleet has heard of it.
func (f fabric) Nodes() []string {
	return slices.DeleteFunc(f.NodeNames(), func(name string) bool {
		n, err := f.node(name)
		return err == nil && n.Labels[corev1.LabelNodeExcludeBalancers] == "true"
	})
}

// NodeIP is the address of a node, or the zero address if there is no such node.
func (f fabric) NodeIP(node string) netip.Addr {
	if m := f.named(node); m != nil {
		return m.IP
	}
	return netip.Addr{}
}

// HostPort is where a node sends what comes to a port of its own that a pod has asked for.
func (f fabric) HostPort(node string, to netip.AddrPort, udp bool) (netip.AddrPort, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.named(node); m != nil {
		return m.kubelet.HostPort(to, udp)
	}
	return netip.AddrPort{}, false
}

// Backend is the pod sandbox that has an address. A node's own address is that
// of its host-network pods.
func (f fabric) Backend(ip netip.Addr) (network.Backend, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b, ok := f.kubelets.Backend(ip); ok {
		return b, true
	}
	if m := f.at(ip); m != nil {
		return network.Backend{Node: m.Name, Handler: m.handler, Answer: m.kubelet.Answer, Real: m.kubelet.Real}, true
	}
	if f.cfg.DialAPIServer != nil && ip == f.cfg.APIServer.Addr() {
		return f.apiServer(), true
	}
	if b, ok := f.public.Server(ip, f.Reachable); ok {
		return b, true
	}
	return network.Backend{}, false
}

// handler is what serves a port of the machine's own: kube-proxy, where a Service has it
// answer health checks, or what the kubelet runs in the host's network. The lock is held by
// nobody.
func (m *machine) handler(port int32) (http.Handler, bool) {
	m.f.mu.Lock()
	rules := m.rules
	m.f.mu.Unlock()
	if h, ok := rules.HealthCheck(m.Name, port); ok {
		return h, true
	}
	return m.kubelet.Handler(port)
}

// apiServer is the API server as what runs on the nodes can reach it.
func (f fabric) apiServer() network.Backend {
	at := func(port int32) bool { return port == int32(f.cfg.APIServer.Port()) }
	return network.Backend{
		Reaches: func(node string) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			m := f.named(node)
			return m != nil && m.Online()
		},
		Handler: func(port int32) (http.Handler, bool) { return http.NotFoundHandler(), at(port) },
		Real: func(port int32) (network.Real, bool) {
			return network.Real{Dial: f.cfg.DialAPIServer, Alive: func() bool { return true }}, at(port)
		},
	}
}

// DialKubelet connects to the kubelet API of the node at an address such as
// 10.224.0.4:10250; the host may also be the node's name. It fails as a network
// does: "i/o timeout" if the machine does not answer, "connection refused" if
// its kubelet does not run.
func (f *scaleSet) DialKubelet(ctx context.Context, address string) (net.Conn, error) {
	m, port, err := f.kubeletAt(address)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	answers := m != nil && m.Reachable()
	f.mu.Unlock()
	if !answers {
		return nil, kubelet.Timeout(ctx, address)
	}
	return m.kubelet.Dial(ctx, address, port)
}

// IsKubelet says whether an address is that of a node's kubelet API.
func (f *scaleSet) IsKubelet(address string) bool {
	m, port, err := f.kubeletAt(address)
	return err == nil && m != nil && port == kubelet.Port
}

// kubeletAt finds the machine of an address; nil if nobody has it.
func (f *scaleSet) kubeletAt(address string) (*machine, int, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, fmt.Errorf("dial kubelet: %w", err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, 0, fmt.Errorf("dial kubelet: port %q is not a number", port)
	}
	if m := f.named(host); m != nil {
		return m, n, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, 0, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	return f.at(ip), n, nil
}
