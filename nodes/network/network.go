// Package network is the cluster's network as its clients see it: names,
// service rules, the load balancer, and connections to what pods serve.
//
// [New] makes a [Network] over a [Fabric], which knows the machines and the
// pods. [Network.Dial] goes where a client's packets would go: DNS by the
// CoreDNS pods, a virtual address by the rules that the client's own node has
// (rules.go, translate.go), a pod's address to the pod, if the machines on the way run.
// [Network.DialService] comes from outside, by the load balancer (balancer.go).
//
// A connection is a pipe in memory with a real HTTP server at its far end, so
// clients are net/http clients and handlers are net/http handlers. Nothing runs
// while nobody is connected. A request that is being answered when its container
// ends is answered; the connection breaks at the next one. If the machine or its
// network fails meanwhile, the answer never comes.
package network

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Fabric is the machines and pods that a network connects.
type Fabric interface {
	// Rules is what the node's kube-proxy last programmed; nil if it never did.
	Rules(node string) *Rules
	// Reachable says whether the machine runs and its network is up.
	Reachable(node string) bool
	// Admits says whether the network around the machines lets packets from
	// outside to a port of a load balancer's.
	Admits(port uint16) bool
	// Backend finds the pod sandbox, or the host, that has an address.
	Backend(ip netip.Addr) (Backend, bool)
	// Nodes are the names of all machines; NodeIP is the address of one.
	Nodes() []string
	NodeIP(node string) netip.Addr
}

// Backend is what has an address.
type Backend struct {
	// Node is where it is. Namespace and Pod are empty for a host.
	Node, Namespace, Pod string
	// Handler is what serves a port; not ok means that nothing listens.
	Handler func(port int32) (h http.Handler, ok bool)
}

// Origin is where a client is.
type Origin struct {
	// Node is the machine it runs on; empty means outside the cluster.
	Node string
	// Namespace completes short DNS names; "default" if empty.
	Namespace string
	// Once says that a connection ends with the answer to what cannot be sent twice: for a
	// client that would not notice when the other end of an idle one goes away.
	Once bool
}

// client tells clients apart, for session affinity and for traffic policies: by
// the node they are on, which is empty outside.
type client struct {
	node string
	once bool
}

// Network connects clients with pods. Its methods may be called from any
// goroutine.
type Network struct {
	fabric Fabric
	probes probes

	mu       sync.Mutex
	random   *rand.Rand
	affinity map[affinityKey]affinity
}

// New makes a network whose choices are repeatable for a seed.
func New(f Fabric, seed uint64) *Network {
	return &Network{fabric: f, random: rand.New(rand.NewPCG(seed, 0x6e6574)), affinity: map[affinityKey]affinity{}}
}

// intn is a random number below n, like the one by which iptables chooses.
func (n *Network) intn(k int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.random.IntN(k)
}

// Dial connects a client with host:port. Inside the cluster host is a DNS name,
// the address of a Service, of a pod or of a node; outside, only the address of
// a load balancer leads anywhere. Packets that nobody answers are waited for
// until ctx ends; the error is then a timeout.
func (n *Network) Dial(ctx context.Context, from Origin, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q: %w", portText, err)
	}
	var ips []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = append(ips, ip)
	} else if ips, err = n.Resolve(ctx, from, host); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	return n.dialAny(ctx, client{from.Node, from.Once}, ips, uint16(port))
}

// dialAny tries addresses one after another, as Go's and most other clients do,
// and returns the first error if none answers.
func (n *Network) dialAny(ctx context.Context, c client, ips []netip.Addr, port uint16) (net.Conn, error) {
	var first error
	for i, ip := range ips {
		sub, cancel := share(ctx, len(ips)-i)
		conn, err := n.dialOne(sub, c, netip.AddrPortFrom(ip, port))
		cancel()
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

func (n *Network) dialOne(ctx context.Context, c client, to netip.AddrPort) (net.Conn, error) {
	if c.node != "" {
		return n.enter(ctx, c.node, to, c)
	}
	if rules := n.newest(); rules != nil {
		if p := rules.virtual[to]; p != nil && to.Addr() != p.service.clusterIP {
			return n.balance(ctx, to, p)
		}
	}
	return nil, n.dropped(ctx, to)
}

// share is the part of the time left that one of several addresses gets, by the
// rule of package net: its even share, but not less than 2 s.
func share(ctx context.Context, addresses int) (context.Context, context.CancelFunc) {
	const least = 2 * time.Second
	deadline, ok := ctx.Deadline()
	if !ok || addresses == 1 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(addresses), least))
}

// enter takes a client's packets through the rules of the node that they come to
// first, and on to where these lead.
func (n *Network) enter(ctx context.Context, node string, to netip.AddrPort, c client) (net.Conn, error) {
	if !n.path(c.node, node) {
		return nil, n.dropped(ctx, to)
	}
	target, err := n.translate(node, to, c)
	if errors.Is(err, errDropped) {
		return nil, n.dropped(ctx, to)
	}
	if err != nil {
		return nil, opError(to, err)
	}
	b, ok := n.fabric.Backend(target.Addr())
	if !ok || !n.path(node, b.Node) {
		return nil, n.dropped(ctx, to)
	}
	if target == to && b.Pod == "" && b.Node != node {
		return n.enter(ctx, b.Node, to, c) // to a node port of another machine
	}
	if _, ok := b.Handler(int32(target.Port())); !ok {
		return nil, opError(to, syscall.ECONNREFUSED)
	}
	return n.serve(node, b, target, c.once), nil
}

// path says whether packets get from one machine to another; the empty name is
// the internet. Within a machine they always do.
func (n *Network) path(a, b string) bool {
	return a == b || (a == "" || n.fabric.Reachable(a)) && n.fabric.Reachable(b)
}

// connectTimeout is when Linux gives up a connection that nobody answers: after
// 6 retransmissions (net.ipv4.tcp_syn_retries), each twice as late as the last.
const connectTimeout = 127 * time.Second

// dropped waits as long as a client waits for an answer that does not come.
func (n *Network) dropped(ctx context.Context, to netip.AddrPort) error {
	own, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	<-own.Done()
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return opError(to, context.Canceled)
	case ctx.Err() != nil:
		return opError(to, os.ErrDeadlineExceeded)
	}
	return opError(to, syscall.ETIMEDOUT)
}

func opError(to netip.AddrPort, err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
}
