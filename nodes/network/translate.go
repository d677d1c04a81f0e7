package network

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// errDropped is a packet that nobody answers.
var errDropped = errors.New("dropped")

// translate does what a node's rules do to a packet that comes to it, from a
// client of its own or from the outside. Destinations of which no rule speaks
// stay as they are.
func (n *Network) translate(node string, to netip.AddrPort, c client) (netip.AddrPort, error) {
	rules := n.fabric.Rules(node)
	if rules == nil {
		return to, nil
	}
	p, ok := rules.virtual[to]
	external := ok && to.Addr() != p.service.clusterIP
	if !ok {
		if p, ok = rules.nodePorts[to.Port()]; !ok || to.Addr() != n.fabric.NodeIP(node) {
			return to, nil
		}
		external = true
	}
	// The node's own clients are not bound by the policy for what comes from
	// outside (Kubernetes v1.37, pkg/proxy/iptables/proxier.go).
	endpoints := p.cluster
	if !external && p.localInternal || external && p.localExternal && c.node != node {
		endpoints = p.local[node]
	}
	switch {
	case len(endpoints) > 0:
		return n.choose(node, c, p, endpoints), nil
	case len(p.cluster) > 0: // others have some: kube-proxy drops
		return to, errDropped
	}
	return to, syscall.ECONNREFUSED // none anywhere: kube-proxy rejects
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
	key := affinityKey{node, c, p.service.namespace + "/" + p.service.name + ":" + strconv.Itoa(int(p.port))}
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
