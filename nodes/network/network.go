// Package network is the cluster's network as its clients see it: names,
// service rules, the load balancer, and connections to what pods serve.
//
// [New] makes a [Network] over a [Fabric], which knows the machines and the
// pods. [Network.Dial] goes where a client's packets would go: DNS by the
// CoreDNS pods, a virtual address by the rules that the client's own node has
// (rules.go), a pod's address to the pod, if the machines on the way run.
// [Network.DialService] comes from outside, by the load balancer (balancer.go).
//
// A connection is a pipe in memory with a real HTTP server at its far end, so
// clients are net/http clients and handlers are net/http handlers. Nothing runs
// while nobody is connected. A connection that is open when its pod dies is
// served to the end of the request; the next one fails.
package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
)

// Fabric is the machines and pods that a network connects.
type Fabric interface {
	// Rules is what the node's kube-proxy last programmed; nil if it never did.
	Rules(node string) *Rules
	// Reachable says whether the machine runs and its network is up.
	Reachable(node string) bool
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

// Dial connects a client inside the cluster with host:port, where host is a DNS
// name, the address of a Service, of a pod or of a node. Packets that nobody
// answers are waited for until ctx ends; the error is then a timeout.
func (n *Network) Dial(ctx context.Context, from Origin, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q: %w", portText, err)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ips, err := n.Resolve(ctx, from, host)
		if err != nil {
			return nil, err
		}
		ip = ips[n.intn(len(ips))]
	}
	return n.connect(ctx, from.Node, netip.AddrPortFrom(ip, uint16(port)), from.Node)
}

// connect sends packets from a node through that node's rules. client tells
// clients apart for session affinity.
func (n *Network) connect(ctx context.Context, node string, to netip.AddrPort, client string) (net.Conn, error) {
	if node != "" {
		if !n.fabric.Reachable(node) {
			return nil, dropped(ctx, to)
		}
		target, known, err := n.translate(node, to, client)
		if err != nil {
			return nil, opError(to, err)
		}
		if known {
			to = target
		}
	}
	return n.deliver(ctx, to)
}

// deliver hands a connection to what has the address.
func (n *Network) deliver(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	b, ok := n.fabric.Backend(to.Addr())
	if !ok || !n.fabric.Reachable(b.Node) {
		return nil, dropped(ctx, to)
	}
	h, ok := b.Handler(int32(to.Port()))
	if !ok {
		return nil, opError(to, syscall.ECONNREFUSED)
	}
	return serve(h, b, to), nil
}

// dropped waits as long as a client waits for an answer that does not come.
func dropped(ctx context.Context, to netip.AddrPort) error {
	<-ctx.Done()
	return opError(to, timeout{})
}

func opError(to netip.AddrPort, err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
}

// timeout is the error of a dial that ran out of time, as package net words it.
type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }
