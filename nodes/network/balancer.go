package network

import (
	"context"
	"fmt"
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

// probes remembers when the load balancer last saw each node change. It is
// brought up to date when somebody connects: the probes in between would have
// found nothing else.
type probes struct {
	mu    sync.Mutex
	since map[string]change
}

type change struct {
	up bool
	at time.Time
}

// alive says whether the load balancer takes the node for healthy at a time.
func (p *probes) alive(node string, up bool, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since == nil {
		p.since = map[string]change{}
	}
	c, known := p.since[node]
	if !known {
		c = change{up: up}
		p.since[node] = c
	}
	if c.up != up {
		c = change{up: up, at: now}
		p.since[node] = c
	}
	return believed(c, now)
}

// believed is what the probes say: a failure counts after two of them, a
// recovery at the next.
func believed(c change, now time.Time) bool {
	if c.at.IsZero() {
		return c.up
	}
	next := c.at.Truncate(probeInterval).Add(probeInterval)
	if c.up {
		return !now.Before(next)
	}
	return now.Before(next.Add((probeFailures - 1) * probeInterval))
}

// DialService connects a client outside the cluster with a Service of type
// LoadBalancer: by the load balancer to a node that it takes for healthy, and by
// that node's rules to a pod. port 0 means the service's first.
func (n *Network) DialService(ctx context.Context, namespace, name string, port int32) (net.Conn, error) {
	frontend, svc := n.frontend(namespace, name, port)
	if svc == nil {
		return nil, &net.DNSError{Err: "no such host", Name: name + "." + namespace, IsNotFound: true}
	}
	now := time.Now()
	var healthy []string
	for _, node := range n.fabric.Nodes() {
		if svc.localExternal && len(on(svc.backends, node)) == 0 {
			continue
		}
		if n.probes.alive(node, n.fabric.Reachable(node) && n.fabric.Rules(node) != nil, now) {
			healthy = append(healthy, node)
		}
	}
	if len(healthy) == 0 {
		return nil, dropped(ctx, frontend)
	}
	node := healthy[n.intn(len(healthy))]
	return n.connect(ctx, node, frontend, "outside")
}

// frontend finds the load-balancer address of a Service in the newest rules
// that any node has: the load balancer was told when the Service was.
func (n *Network) frontend(namespace, name string, port int32) (netip.AddrPort, *servicePort) {
	for _, node := range n.fabric.Nodes() {
		rules := n.fabric.Rules(node)
		if rules == nil || rules.services[namespace+"/"+name] == nil {
			continue
		}
		svc := rules.services[namespace+"/"+name]
		for _, p := range svc.ports {
			if (port == 0 || p.port == port) && len(svc.frontends) > 0 {
				return netip.AddrPortFrom(svc.frontends[0], uint16(p.port)), p
			}
		}
	}
	return netip.AddrPort{}, nil
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
