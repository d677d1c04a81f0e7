package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"
)

// way is how a client's packets get to an address: by way of its own node, or from outside
// by that of a load balancer.
func (n *Network) way(to socket, c client) (route, error) {
	if c.node != "" {
		return n.enter(c.node, to, c)
	}
	if rules := n.newest(); rules != nil {
		if p := rules.virtual[to]; p != nil && slices.Contains(p.service.frontends, to.Addr()) {
			return n.balance(to, p)
		}
	}
	return route{}, errDropped
}

// route is where a client's packets come to.
type route struct {
	client  string // the machine that they come from; empty for outside
	node    string // whose rules have sent them there
	backend Backend
	to      socket
	from    netip.Addr // whom the backend takes for the client
	once    bool
	// internet says that it leads out of the cluster.
	internet bool
}

// enter takes a client's packets through the rules of the node that they come to
// first, and on to where these lead.
func (n *Network) enter(node string, to socket, c client) (route, error) {
	if !n.path(c.node, node) {
		return route{}, errDropped
	}
	if to.Addr().IsLoopback() && c.address.IsValid() { // within the pod
		b, _ := n.fabric.Backend(c.address)
		return n.open(route{client: c.node, node: node, backend: b, to: to, from: to.Addr(), once: c.once})
	}
	r := route{client: c.node, node: node, once: c.once, from: c.address}
	var masked bool
	var err error
	if r.to, masked, err = n.translate(node, to, c); err != nil {
		return route{}, err
	}
	if c.node == "" {
		r.from = Outside
	}
	if masked || !r.from.IsValid() {
		r.from = n.fabric.NodeIP(node)
	}
	if node == c.node && !n.leaves(c, r.to) {
		return route{}, errDropped
	}
	at := r.to.Addr()
	if at.IsLoopback() {
		at = n.fabric.NodeIP(node)
	}
	b, ok := n.fabric.Backend(at)
	if !ok {
		return n.leave(r)
	}
	if r.backend = b; !n.arrives(r) {
		return route{}, errDropped
	}
	if r.to == to && b.Pod == "" && b.Reaches == nil && b.Node != node {
		return n.enter(b.Node, to, c) // to a node port of another machine
	}
	if !n.enters(c, r, masked) {
		return route{}, errDropped
	}
	return n.open(r)
}

// open is a route to a port, and that nothing listens there if that is so.
func (n *Network) open(r route) (route, error) {
	if r.backend.Handler == nil || !r.backend.listens(r.to.Port(), r.to.udp) {
		return r, syscall.ECONNREFUSED
	}
	return r, nil
}

// connect opens a connection along a route, or says why there is none to an address.
func (n *Network) connect(ctx context.Context, r route, to netip.AddrPort, err error) (net.Conn, error) {
	if errors.Is(err, errDropped) {
		return nil, n.dropped(ctx, to)
	}
	if r.internet {
		return n.outward(ctx, r, to)
	}
	if failed := n.shake(ctx, r, to); failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, opError(to, err)
	}
	if r.backend.Real != nil {
		if program, ok := r.backend.Real(int32(r.to.Port())); ok {
			return n.join(ctx, r, program)
		}
	}
	return n.serve(r), nil
}

// path says whether packets get from one machine to another; the empty name is
// the internet. Within a machine they always do.
func (n *Network) path(a, b string) bool {
	return a == b || (a == "" || n.fabric.Reachable(a)) && n.fabric.Reachable(b)
}

// reaches says whether packets get from a machine to what has an address.
func (n *Network) reaches(node string, b Backend) bool {
	if b.Reaches != nil {
		return b.Reaches(node)
	}
	return n.path(node, b.Node)
}

// arrives says whether packets on a route get to the backend, and answers back: machines and
// networks are up, and routes of the network lead to the pods at both ends. What a pod sends
// to a machine itself is masqueraded (azure-ip-masq-agent), so that its answer needs none.
func (n *Network) arrives(r route) bool {
	if !n.reaches(r.node, r.backend) {
		return false
	}
	if r.backend.Pod == "" || r.backend.Node == r.node {
		return true
	}
	return n.fabric.Routed(r.backend.Node) && (n.fabric.Routed(r.client) || r.from == n.fabric.NodeIP(r.node))
}

// connectTimeout is when Linux gives up a connection that nobody answers: after
// 6 retransmissions (net.ipv4.tcp_syn_retries), each twice as late as the last.
const connectTimeout = 127 * time.Second

// dropped waits as long as a client waits for an answer that does not come.
func (n *Network) dropped(ctx context.Context, to netip.AddrPort) error {
	own, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	<-own.Done()
	return gaveUp(ctx, to)
}

// shake opens a connection along a route as far as its links let it, within the time that a
// client waits for an answer.
func (n *Network) shake(ctx context.Context, r route, to netip.AddrPort) error {
	if n.links.Load() == nil {
		return nil
	}
	own, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if n.handshake(own, r) != nil {
		return gaveUp(ctx, to)
	}
	return nil
}

// gaveUp says why a client does not wait any longer: ctx ended, or its system gave up.
func gaveUp(ctx context.Context, to netip.AddrPort) error {
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
