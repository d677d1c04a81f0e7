package network

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Balanced is what a load balancer does with what comes to a port of an address.
type Balanced struct {
	// Internal says that the address is one of the subnet, which clients outside do not reach.
	Internal bool
	// ByClient says that a client's address alone decides where it is sent to.
	ByClient bool
	// Probe says which nodes it sends to; one without a name, that it sends to all.
	Probe Probe
}

// Probe is how a load balancer finds out which nodes to send to (Microsoft, "Azure Load
// Balancer health probes").
type Probe struct {
	Name string
	Port uint16
	// Path is what it asks for by HTTP; empty means that it only connects.
	Path string
	// Every Interval it asks each node, and leaves one out after Threshold failures in a row.
	Interval  time.Duration
	Threshold int
}

// probes is what the load balancer's probes have found. They are not sent: what
// they would have found follows from when each node came or went, and from what answered
// whenever somebody has looked.
type probes struct {
	mu    sync.Mutex
	nodes map[string]history // of whether a node's network is there
	found map[probed]*answers
}

// probed is a probe at a node.
type probed struct{ probe, node string }

// answers is how what a probe asks has answered, and when that was looked at last.
type answers struct {
	history
	slot time.Time
}

// change is when something came or went.
type change struct {
	up bool
	at time.Time
}

// history is the last changes of something, the oldest first.
type history []change

// maxChanges is how many are remembered: more than there are in the time that any probe takes
// to notice one, as machines and pods go.
const maxChanges = 8

// with is the history with how something is at a time.
func (h history) with(up bool, now time.Time) history {
	switch n := len(h); {
	case n == 0:
		return history{{up: up}}
	case h[n-1].up == up:
		return h
	}
	h = append(slices.Clone(h), change{up, now})
	return h[max(0, len(h)-maxChanges):]
}

// note remembers a node's state.
func (p *probes) note(node string, up bool, now time.Time) history {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nodes == nil {
		p.nodes = map[string]history{}
	}
	p.nodes[node] = p.nodes[node].with(up, now)
	return p.nodes[node]
}

// peek is note without remembering anything: of a change that nobody has told of yet, it
// takes the outcome.
func (p *probes) peek(node string, up bool) history {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.nodes[node]; len(h) > 0 && h[len(h)-1].up == up {
		return h
	}
	return history{{up: up}}
}

// ask looks at most once in an interval at what a probe asks of a node. peek says that
// nothing is to be remembered.
func (p *probes) ask(node string, probe Probe, now time.Time, peek bool, answer func() bool) history {
	key := probed{probe.Name, node}
	slot := now.Truncate(probe.Interval)
	p.mu.Lock()
	a := p.found[key]
	if a != nil && a.slot.Equal(slot) && probe.Path != "" { // it costs more than a look
		defer p.mu.Unlock()
		return a.history
	}
	p.mu.Unlock()
	up := answer() // asks the network, and so others' locks
	p.mu.Lock()
	defer p.mu.Unlock()
	if a = p.found[key]; a == nil {
		a = &answers{}
	}
	h := a.with(up, now)
	if !peek {
		if p.found == nil {
			p.found = map[probed]*answers{}
		}
		p.found[key] = &answers{h, slot}
	}
	return h
}

// healthy is what a probe says at a time: a node is out after so many failures in
// a row, and in again at the next success.
func (p Probe) healthy(h history, now time.Time) bool {
	was := h[0].up
	for i, c := range h {
		until := now
		if i+1 < len(h) {
			until = h[i+1].at
		}
		seen := c.at.Truncate(p.Interval).Add(p.Interval)
		if !c.up {
			seen = seen.Add(time.Duration(p.Threshold-1) * p.Interval)
		}
		if !until.Before(seen) {
			was = c.up
		}
	}
	return was
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
	b, ok := n.fabric.Balanced(frontend.AddrPort, frontend.udp)
	if !ok || b.Internal || !n.fabric.Admits(frontend.AddrPort, frontend.udp) {
		return route{}, errDropped
	}
	now := time.Now()
	var backends []string
	for _, node := range n.fabric.Nodes() {
		if n.takes(node, b.Probe, now, false) {
			backends = append(backends, node)
		}
	}
	if len(backends) == 0 {
		return route{}, errDropped
	}
	node := backends[n.intn(len(backends))]
	if b.ByClient {
		h := fnv.New32a()
		h.Write([]byte(p.service.namespace + "/" + p.service.name))
		node = backends[h.Sum32()%uint32(len(backends))]
	}
	return n.enter(node, frontend, client{})
}

// newest are the newest rules that any node has: the load balancer was told
// what they say when they were made. If no node has any they are those that one had last, which
// the load balancer keeps; nil if none ever had.
func (n *Network) newest() (newest *Rules) {
	for _, node := range n.fabric.Nodes() {
		if r := n.fabric.Rules(node); r != nil && (newest == nil || r.generation > newest.generation) {
			newest = r
		}
	}
	if newest == nil {
		return n.latest.Load()
	}
	n.latest.Store(newest)
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
