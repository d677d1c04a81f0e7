package nodes

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/network"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

var _ network.Fabric = (*Fleet)(nil)

// Rules is what a node's kube-proxy last programmed; nil if it never did.
func (f *Fleet) Rules(node string) *network.Rules {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.named(node); m != nil {
		return m.rules
	}
	return nil
}

// Reachable says whether a node's machine runs and its network is up.
func (f *Fleet) Reachable(node string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.named(node)
	return m != nil && m.reachable()
}

// balancerPriority is the priority of the rules by which AKS opens the ports of
// load balancers in the network security group.
const balancerPriority = 500

// Admits says whether the network security group lets packets from the internet
// to a port of a load balancer's: AKS has opened it, and only a customer's rule
// that comes first can close it.
func (f *Fleet) Admits(port uint16) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	name, allowed := f.nsg.Inbound("Tcp", int(port), cloud.Endpoint{Name: "internet", Tags: []string{cloud.Internet}})
	if allowed {
		return true
	}
	return !slices.ContainsFunc(f.nsg.Rules(), func(r api.NSGRule) bool { return r.Name == name && r.Priority < balancerPriority })
}

// Nodes are the nodes behind the load balancer: not those with Kubernetes' label
// that keeps a node out, as far as the fleet has heard of it.
func (f *Fleet) Nodes() []string {
	return slices.DeleteFunc(f.NodeNames(), func(name string) bool {
		n, err := f.node(name)
		return err == nil && n.Labels[corev1.LabelNodeExcludeBalancers] == "true"
	})
}

// NodeIP is the address of a node, or the zero address if there is no such node.
func (f *Fleet) NodeIP(node string) netip.Addr {
	if m := f.named(node); m != nil {
		return m.ip
	}
	return netip.Addr{}
}

// Backend is the pod sandbox that has an address. A node's own address is that
// of its host-network pods.
func (f *Fleet) Backend(ip netip.Addr) (network.Backend, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.byIP[ip]; p != nil {
		return network.Backend{Node: p.m.name, Namespace: p.namespace, Pod: p.name, Handler: p.handler}, true
	}
	if m := f.at(ip); m != nil {
		return network.Backend{Node: m.name, Handler: m.handler}, true
	}
	return network.Backend{}, false
}

// handler is what answers at a port of the pod; ok is false if nothing listens.
func (p *pod) handler(port int32) (h http.Handler, ok bool) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	return p.listening(port)
}

func (p *pod) listening(port int32) (http.Handler, bool) {
	now := time.Now()
	for _, c := range p.containers {
		if c.serves(now) && slices.Contains(c.behaviour.Ports, port) {
			return c.behaviour.Handler, true
		}
	}
	return nil, false
}

// handler is what answers at a port of the machine itself.
func (m *machine) handler(port int32) (http.Handler, bool) {
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	for _, p := range m.pods {
		if !p.spec.Spec.HostNetwork {
			continue
		}
		if h, ok := p.listening(port); ok {
			return h, true
		}
	}
	return nil, false
}
