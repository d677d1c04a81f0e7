package network

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// errDropped is a packet that nobody answers.
var errDropped = errors.New("dropped")

// translate does what a node's rules do to a packet that comes to it, from a
// client of its own or from the outside. Destinations of which no rule speaks
// stay as they are.
// masked says that the packet goes on with the node's own address as its sender.
func (n *Network) translate(node string, to socket, c client) (_ socket, masked bool, _ error) {
	here := to.Addr() == n.fabric.NodeIP(node) || to.Addr().IsLoopback()
	p, external := n.fabric.Rules(node).find(to, here)
	if p == nil {
		if at, ok := n.fabric.HostPort(node, to.AddrPort, to.udp); ok && here {
			to.AddrPort = at
		}
		return to, false, nil
	}
	if !p.service.lets(to.Addr(), n.sender(node, c)) {
		return to, false, errDropped
	}
	masked = external && !p.localExternal
	// The node's own clients are not bound by the policy for what comes from
	// outside (Kubernetes v1.37, pkg/proxy/iptables/proxier.go).
	endpoints := p.cluster
	if !external && p.localInternal || external && p.localExternal && c.node != node {
		endpoints = p.local[node]
	}
	switch {
	case len(endpoints) > 0:
		return socket{n.choose(node, c, p, endpoints), to.udp}, masked, nil
	case len(p.cluster) > 0: // others have some: kube-proxy drops
		return to, false, errDropped
	}
	return to, false, syscall.ECONNREFUSED // none anywhere: kube-proxy rejects
}

// sender is the address that a node sees of a client.
func (n *Network) sender(node string, c client) netip.Addr {
	switch {
	case c.address.IsValid():
		return c.address
	case c.node == "":
		return Outside
	}
	return n.fabric.NodeIP(node)
}

// lets says whether a Service's loadBalancerSourceRanges let a client to one of its addresses:
// kube-proxy looks at them at that of a load balancer.
func (s *service) lets(to, from netip.Addr) bool {
	return len(s.sources) == 0 || !slices.Contains(s.frontends, to) ||
		slices.ContainsFunc(s.sources, func(p netip.Prefix) bool { return p.Contains(from) })
}

// find is the port of a Service that a rule sends packets to; nil if none does. here says that
// they are for the node itself, external that they are for what clients outside can use.
func (r *Rules) find(to socket, here bool) (p *servicePort, external bool) {
	if r == nil {
		return nil, false
	}
	if p := r.virtual[to]; p != nil {
		return p, to.Addr() != p.service.clusterIP
	}
	if here {
		return r.nodePorts[nodePort(to.Port(), to.udp)], true
	}
	return nil, false
}

// affinityKey is one client of one service port, as one node knows it.
type affinityKey struct {
	node    string
	client  client
	service string
}

type affinity struct {
	to    netip.AddrPort
	until time.Time
}

// choose picks an endpoint, the same one again for a client with affinity.
func (n *Network) choose(node string, c client, p *servicePort, endpoints []endpoint) netip.AddrPort {
	e := endpoints[n.intn(len(endpoints))]
	to := netip.AddrPortFrom(e.addr, e.port)
	if p.affinity == 0 {
		return to
	}
	key := affinityKey{node, c, fmt.Sprintf("%s/%s:%d/%t", p.service.namespace, p.service.name, p.port, p.udp)}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if old, ok := n.affinity[key]; ok && now.Before(old.until) &&
		slices.ContainsFunc(endpoints, func(e endpoint) bool { return old.to == netip.AddrPortFrom(e.addr, e.port) }) {
		to = old.to
	}
	n.affinity[key] = affinity{to, now.Add(p.affinity)}
	return to
}
