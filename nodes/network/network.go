// Package network is the cluster's network as its clients see it: names,
// service rules, the load balancer, and connections to what pods serve.
//
// [New] makes a [Network] over a [Fabric], which knows the machines and the
// pods. [Network.Dial] goes where a client's packets would go: DNS by the
// CoreDNS pods, a virtual address by the rules that the client's own node has
// (rules.go, translate.go), a pod's address to the pod, if the machines on the way run.
// [Network.DialService] comes from outside, by the load balancer (balancer.go).
// [Network.Exchange] sends a datagram the same way, and has the answer (datagram.go).
// What NetworkPolicies do not allow is dropped on the way, when a connection is opened:
// those that are open stay so (policies.go, allow.go). What links lose or delay is sent
// again as TCP does (links.go). What goes out of the cluster needs a SNAT port of the load
// balancer (outbound.go).
//
// A connection is a pipe in memory with a real HTTP server at its far end, so
// clients are net/http clients and handlers are net/http handlers. Nothing runs
// while nobody is connected. A request that is being answered when its container
// ends is answered; the connection breaks at the next one. If the machine or its
// network fails meanwhile, the answer never comes. Behind a port may also be a real
// program (real.go): then the far end of the pipe is a connection to that.
package network

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Fabric is the machines and pods that a network connects.
type Fabric interface {
	// Rules is what the node's kube-proxy last programmed; nil if it never did.
	Rules(node string) *Rules
	// Policies are what the node's network policy engine last programmed; nil if it never
	// did, or if there is none.
	Policies(node string) *Policies
	// Zone is the availability zone of a machine; empty if it is in none.
	Zone(node string) string
	// Reachable says whether the machine runs and its network is up.
	Reachable(node string) bool
	// Routed says whether packets from other machines find a way to the pods of a machine. They
	// do to pods of nobody.
	Routed(node string) bool
	// Admits says whether the network around the machines lets packets from
	// outside to a port of a load balancer's.
	Admits(to netip.AddrPort, udp bool) bool
	// Balanced is the load balancer's rule for a port of an address; not ok means that it
	// has none.
	Balanced(to netip.AddrPort, udp bool) (b Balanced, ok bool)
	// HostPort is where a node sends what comes to a port of its own that a pod has asked
	// for, of UDP or of TCP.
	HostPort(node string, to netip.AddrPort, udp bool) (pod netip.AddrPort, ok bool)
	// Backend finds the pod sandbox, or the host, that has an address.
	Backend(ip netip.Addr) (Backend, bool)
	// Outbound is what a machine has of the load balancer's outbound rule; not ok means that
	// something keeps its packets to a port outside from leaving.
	Outbound(node string, to netip.AddrPort) (has Outbound, ok bool)
	// Exhausted is told when a machine that has so many SNAT ports has none free for a
	// connection to a port outside, and when it has some again.
	Exhausted(node string, to netip.AddrPort, ports int, none bool)
	// Nodes are the names of all machines; NodeIP is the address of one.
	Nodes() []string
	NodeIP(node string) netip.Addr
}

// Backend is what has an address.
type Backend struct {
	// Node is where it is. Namespace and Pod are empty for a host.
	Node, Namespace, Pod string
	// Labels are the pod's.
	Labels map[string]string
	// Reaches says whether a machine's packets get to what is on no machine; nil for what is
	// on one.
	Reaches func(node string) bool
	// Certificate is what the server of a port shows to a client that wants to see a name, if
	// it has one of its own; both may be nil.
	Certificate func(port int32) func(name string) *tls.Certificate
	// Handler is what serves a port; not ok means that nothing listens.
	Handler func(port int32) (h http.Handler, ok bool)
	// Answer is what a port answers to a datagram, nil if nothing; not ok means that nothing
	// listens. Nil means so of every port.
	Answer func(port int32, from netip.AddrPort, payload []byte) (answer []byte, ok bool)
	// Names is the server of names at a port; nil if nobody knows how it answers. Nil means so
	// of every port.
	Names func(port int32) NameServer
	// Real is the real program behind a port that Handler serves; not ok means that there is
	// none, and so does a nil Real.
	Real func(port int32) (r Real, ok bool)
}

// listens says whether something is behind a port.
func (b Backend) listens(port uint16, udp bool) (ok bool) {
	if udp {
		if b.Answer != nil {
			_, ok = b.Answer(int32(port), netip.AddrPort{}, nil)
		}
		return ok
	}
	_, ok = b.Handler(int32(port))
	return ok
}

// Origin is where a client is.
type Origin struct {
	// Node is the machine it runs on; empty means outside the cluster.
	Node string
	// Namespace completes short DNS names; "default" if empty.
	Namespace string
	// Address is the client's own; that of its node if it is not valid.
	Address netip.Addr
	// Once says that a connection ends with the answer to what cannot be sent twice: for a
	// client that would not notice when the other end of an idle one goes away.
	Once bool
}

// client tells clients apart, for session affinity and for traffic policies: by
// the node they are on, which is empty outside, and the address that is theirs alone.
type client struct {
	node    string
	address netip.Addr
	once    bool
}

// Network connects clients with pods. Its methods may be called from any
// goroutine.
type Network struct {
	fabric Fabric
	probes probes

	links atomic.Pointer[[]Link] // nil if nothing is wrong with the network
	nat   nat
	// latest are the newest rules that a node had.
	latest atomic.Pointer[Rules]

	mu       sync.Mutex
	random   *rand.Rand
	fate     *rand.Rand // of packets
	affinity map[affinityKey]affinity
}

// New makes a network whose choices are repeatable for a seed.
func New(f Fabric, seed uint64) *Network {
	return &Network{fabric: f, random: rand.New(rand.NewPCG(seed, 0x6e6574)), fate: rand.New(rand.NewPCG(seed, 0x66617465)), affinity: map[affinityKey]affinity{}}
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
	ips, port, err := n.find(ctx, from, "tcp", address)
	if err != nil {
		return nil, err
	}
	return n.dialAny(ctx, from.client(), ips, port)
}

func (o Origin) client() client { return client{o.Node, o.Address, o.Once} }

// find are the addresses of host:port.
func (n *Network) find(ctx context.Context, from Origin, network, address string) (ips []netip.Addr, port uint16, _ error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, err
	}
	number, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, 0, fmt.Errorf("port %q: %w", portText, err)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = append(ips, ip)
	} else if ips, err = n.Resolve(ctx, from, host); err != nil {
		return nil, 0, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return ips, uint16(number), nil
}

// dialAny tries addresses one after another, as Go's and most other clients do,
// and returns the first error if none answers.
func (n *Network) dialAny(ctx context.Context, c client, ips []netip.Addr, port uint16) (net.Conn, error) {
	var first error
	for i, ip := range ips {
		sub, cancel := share(ctx, len(ips)-i)
		to := netip.AddrPortFrom(ip, port)
		r, err := n.way(socket{AddrPort: to}, c)
		conn, err := n.connect(sub, r, to, err)
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
