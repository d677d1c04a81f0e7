package network

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"sync"
	"time"
)

// The load balancer probes each node every 5 s and stops sending to it after
// two failures (Microsoft, "Azure Load Balancer health probes").
const (
	probeInterval = 5 * time.Second
	probeFailures = 2
)

// probes is what the load balancer's probes have found. They are not sent: what
// they would have found follows from when each node came or went.
type probes struct {
	mu    sync.Mutex
	nodes map[string]change
}

// change is the last time that a node's network came or went.
type change struct {
	up  bool
	at  time.Time
	was bool // whether the load balancer took it for healthy then
}

// note remembers a node's state and says whether the load balancer takes it for
// healthy.
func (p *probes) note(node string, up bool, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, known := p.nodes[node]
	switch {
	case !known:
		c = change{up: up, was: up}
	case c.up != up:
		c = change{up: up, at: now, was: healthy(c, now)}
	default:
		return healthy(c, now)
	}
	if p.nodes == nil {
		p.nodes = map[string]change{}
	}
	p.nodes[node] = c
	return healthy(c, now)
}

// peek is note without remembering anything: of a change that nobody has told of yet, it
// takes the outcome.
func (p *probes) peek(node string, up bool, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, known := p.nodes[node]; known && c.up == up {
		return healthy(c, now)
	}
	return up
}

// healthy is what the probes say at a time: a node is out after two failures in
// a row, and in again at the next success.
func healthy(c change, now time.Time) bool {
	seen := c.at.Truncate(probeInterval).Add(probeInterval)
	if !c.up {
		seen = seen.Add((probeFailures - 1) * probeInterval)
	}
	if now.Before(seen) {
		return c.was
	}
	return c.up
}

// NodeChanged tells the load balancer's probes that a machine's network has come
// or gone just now. Without it they notice when somebody connects next, and take
// that for the time of the change.
func (n *Network) NodeChanged(node string, reachable bool) {
	n.probes.note(node, reachable, time.Now())
}

// DialService connects a client outside the cluster with a Service of type
// LoadBalancer: by the load balancer to a node that it takes for healthy, and by
// that node's rules to a pod. port 0 means the service's first.
func (n *Network) DialService(ctx context.Context, namespace, name string, port int32) (net.Conn, error) {
	frontend, p := n.frontend(namespace, name, port)
	if p == nil {
		return nil, &net.DNSError{Err: "no such host", Name: name + "." + namespace, IsNotFound: true}
	}
	r, err := n.balance(frontend, p)
	return n.connect(ctx, r, frontend.AddrPort, err)
}

// balance picks a node for a new connection, or for a datagram.
func (n *Network) balance(frontend socket, p *servicePort) (route, error) {
	if !n.fabric.Admits(frontend.Port()) {
		return route{}, errDropped
	}
	now := time.Now()
	var backends []string
	for _, node := range n.fabric.Nodes() {
		if n.probes.note(node, n.fabric.Rules(node) != nil && n.fabric.Reachable(node), now) && n.serves(node, frontend, p) {
			backends = append(backends, node)
		}
	}
	if len(backends) == 0 {
		return route{}, errDropped
	}
	node := backends[n.intn(len(backends))]
	if p.affinity > 0 { // AKS then has it hash the client's address alone
		h := fnv.New32a()
		h.Write([]byte(p.service.namespace + "/" + p.service.name))
		node = backends[h.Sum32()%uint32(len(backends))]
	}
	return n.enter(node, frontend, client{})
}

// newest are the newest rules that any node has: the load balancer was told
// what they say when they were made. nil if no node has any.
func (n *Network) newest() (newest *Rules) {
	for _, node := range n.fabric.Nodes() {
		if r := n.fabric.Rules(node); r != nil && (newest == nil || r.generation > newest.generation) {
			newest = r
		}
	}
	return newest
}

// frontend finds the load-balancer address of a Service.
func (n *Network) frontend(namespace, name string, port int32) (socket, *servicePort) {
	newest := n.newest()
	if newest == nil {
		return socket{}, nil
	}
	svc := newest.services[namespace+"/"+name]
	if svc == nil || len(svc.frontends) == 0 {
		return socket{}, nil
	}
	for _, p := range svc.ports {
		if port == 0 || p.port == port {
			return socket{netip.AddrPortFrom(svc.frontends[0], uint16(p.port)), p.udp}, p
		}
	}
	return socket{}, nil
}

// FirstPort is the first port of a Service, as the rules of a node have it.
func (n *Network) FirstPort(node, namespace, name string) (int32, error) {
	rules := n.fabric.Rules(node)
	if rules != nil {
		if svc := rules.services[namespace+"/"+name]; svc != nil && len(svc.ports) > 0 {
			return svc.ports[0].port, nil
		}
	}
	return 0, fmt.Errorf("no Service %s/%s with a port", namespace, name)
}
