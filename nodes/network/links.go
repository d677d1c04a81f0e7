package network

import (
	"context"
	"errors"
	"time"

	"demarc/sim/clock"
)

// Link is what is wrong with the network between two ends.
type Link struct {
	A, B End
	// Loss is the share of packets that are lost, and Latency how much later each of the
	// others comes; in either direction.
	Loss    float64
	Latency time.Duration
}

// End is one end of a link: a machine, a zone, or what is outside the cluster. The zero End is
// all that the other end is not.
type End struct {
	Node, Zone string
	Outside    bool
}

// hop is a place that packets come by: a machine, what is outside, or neither.
type hop struct {
	node    string
	outside bool
}

// SetLinks says what is wrong with the network from now on; nothing if there are none.
func (n *Network) SetLinks(links []Link) {
	if len(links) == 0 {
		n.links.Store(nil)
		return
	}
	n.links.Store(&links)
}

// at says whether a place is an end's.
func (n *Network) at(e End, h hop) bool {
	switch {
	case e.Outside:
		return h.outside
	case e.Node != "":
		return h.node == e.Node
	}
	return h.node != "" && n.fabric.Zone(h.node) == e.Zone
}

// between says whether packets from one place to another pass a link.
func (n *Network) between(l Link, a, b hop) bool {
	if l.B == (End{}) {
		return n.at(l.A, a) != n.at(l.A, b)
	}
	return n.at(l.A, a) && n.at(l.B, b) || n.at(l.A, b) && n.at(l.B, a)
}

// trip is what becomes of packets on a route, in one direction.
type trip struct {
	loss    float64
	latency time.Duration
}

// trip is that of a route now. A client's packets come to the machine first whose rules send
// them on, and from there to the backend.
func (n *Network) trip(r route) (t trip) {
	links := n.links.Load()
	if links == nil || r.node == "" {
		return trip{}
	}
	hops := []hop{{node: r.client, outside: r.client == ""}, {node: r.node}, {node: r.backend.Node, outside: r.internet}}
	arrives := 1.0
	for _, l := range *links {
		for i := range hops[1:] {
			if n.between(l, hops[i], hops[i+1]) {
				arrives *= 1 - l.Loss
				t.latency += l.Latency
			}
		}
	}
	t.loss = 1 - arrives
	return t
}

// lost draws whether a packet is lost.
func (n *Network) lost(share float64) bool {
	if share <= 0 {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fate.Float64() < share
}

// answered draws whether a packet arrives, and the answer to it.
func (n *Network) answered(t trip) bool {
	arrives := !n.lost(t.loss)
	return arrives && !n.lost(t.loss)
}

// Of TCP as Linux has it: a SYN that nobody answers is sent again after a second, and then
// each time twice as late (RFC 6298; net.ipv4.tcp_syn_retries); so is what is not
// acknowledged, but after less: a round trip and 200 ms (TCP_RTO_MIN), and not later than
// two minutes after the last time (TCP_RTO_MAX).
const (
	synTimeout = time.Second
	minTimeout = 200 * time.Millisecond
	maxTimeout = 2 * time.Minute
)

// handshake opens a connection along a route: it takes as long as SYN and answer take.
func (n *Network) handshake(ctx context.Context, r route) error {
	for wait := synTimeout; ; wait *= 2 {
		t := n.trip(r)
		if n.answered(t) {
			return sleep(ctx, 2*t.latency)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// carry takes what an open connection has to say along a route, in one direction: one flight
// of packets, which is lost as a whole and sent again. It ends early if ctx does.
func (n *Network) carry(ctx context.Context, r route) error {
	for wait := time.Duration(0); ; {
		t := n.trip(r)
		if !n.lost(t.loss) {
			return sleep(ctx, t.latency)
		}
		wait = min(max(2*wait, minTimeout+2*t.latency), maxTimeout)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// exchange finds the way of a datagram, and takes it there and the answer back. The error is
// [errDropped] if either is lost.
func (n *Network) exchange(ctx context.Context, to socket, c client) (route, error) {
	r, err := n.way(to, c)
	if errors.Is(err, errDropped) {
		return r, err
	}
	if t := n.trip(r); !n.answered(t) || sleep(ctx, 2*t.latency) != nil {
		return r, errDropped
	}
	return r, err
}

// sleep waits, or says why not.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 || clock.Sleep(ctx, d) {
		return nil
	}
	return ctx.Err()
}
