package network

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Internet is where servers are that belong to nobody in the cluster: a block that is
// reserved for tests of networks (RFC 2544), so that nothing real is ever meant. At each
// address and port something answers.
var Internet = netip.MustParsePrefix("198.18.0.0/15")

// Outbound is what a machine has of the load balancer's outbound rule.
type Outbound struct {
	// Ports is how many SNAT ports it has.
	Ports int
	// Idle is after how long without a packet a connection loses its port.
	Idle time.Duration
}

// SNATUse is how many of a machine's SNAT ports are used.
type SNATUse struct {
	// Ports is how many the busiest destination needs, which is Busiest: a port serves one
	// connection to each (MicrosoftDocs/azure-docs, load-balancer-outbound-connections,
	// 2022-03-01).
	Ports   int
	Busiest netip.AddrPort
	// Dropped is how many connections have found no port.
	Dropped int64
}

// closedPort is how long a SNAT port is kept after its connection was closed
// (MicrosoftDocs/azure-docs, load-balancer-outbound-connections, 2021: 240 seconds after a
// FIN).
const closedPort = 240 * time.Second

// internet is what answers at every address of [Internet].
var internet = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })

// leave takes packets from a node out of the cluster.
func (n *Network) leave(r route) (route, error) {
	if r.to.udp || !Internet.Contains(r.to.Addr()) {
		return route{}, errDropped
	}
	if _, ok := n.fabric.Outbound(r.node, r.to.AddrPort); !ok {
		return route{}, errDropped
	}
	r.internet = true
	r.backend = Backend{Reaches: n.fabric.Reachable, Handler: func(int32) (http.Handler, bool) { return internet, true }}
	return r, nil
}

// outward opens a connection along a route out of the cluster, if the machine has a SNAT
// port for it: without one its packets are dropped.
func (n *Network) outward(ctx context.Context, r route, to netip.AddrPort) (net.Conn, error) {
	has, _ := n.fabric.Outbound(r.node, r.to.AddrPort)
	o := &outward{nat: &n.nat, node: r.node, to: r.to.AddrPort, idle: has.Idle, used: time.Now()}
	changed, ok := n.nat.take(o, has.Ports)
	if changed {
		n.fabric.Exhausted(r.node, r.to.AddrPort, has.Ports, !ok)
	}
	if !ok {
		return nil, n.dropped(ctx, to)
	}
	if err := n.shake(ctx, r, to); err != nil {
		n.nat.give(o, false)
		return nil, err
	}
	o.Conn = n.serve(r)
	return o, nil
}

// SNAT is how a machine's SNAT ports are used now.
func (n *Network) SNAT(node string) SNATUse { return n.nat.use(node, time.Now()) }

// outward is a client's end of a connection out of the cluster, which has a SNAT port.
type outward struct {
	net.Conn
	nat  *nat
	node string
	to   netip.AddrPort
	idle time.Duration
	used time.Time // when it had its last packet; under the lock of nat
}

// Read implements [net.Conn].
func (o *outward) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	o.nat.touch(o)
	return n, err
}

// Write implements [net.Conn]. Who comes too late is told by a reset, which AKS's outbound
// rule sends (MicrosoftDocs/azure-aks-docs, load-balancer-standard, 2026-08-21).
func (o *outward) Write(p []byte) (int, error) {
	if !o.nat.touch(o) {
		_ = o.Conn.Close()
		return 0, &net.OpError{Op: "write", Net: "tcp", Addr: o.RemoteAddr(), Err: syscall.ECONNRESET}
	}
	return o.Conn.Write(p)
}

// Close implements [net.Conn].
func (o *outward) Close() error {
	o.nat.give(o, true)
	return o.Conn.Close()
}

// nat is the load balancer's table of translated connections.
type nat struct {
	mu       sync.Mutex
	machines map[string]*translated
}

// translated are the connections of a machine.
type translated struct {
	to      map[netip.AddrPort]*flows
	dropped int64
}

// flows are the SNAT ports that a machine uses for one destination: for connections that are
// open, and for those that were closed, until when, the earliest first.
type flows struct {
	open   map[*outward]struct{}
	closed []time.Time
	// exhausted says that there was no port, and that few have come free since.
	exhausted bool
}

// at is how many ports are used at a time. Of connections that are idle for too long and of
// those that were closed the ports are free again.
func (f *flows) at(now time.Time) int {
	for len(f.closed) > 0 && !now.Before(f.closed[0]) {
		f.closed = f.closed[1:]
	}
	for o := range f.open {
		if o.idle > 0 && now.Sub(o.used) >= o.idle {
			delete(f.open, o)
		}
	}
	return len(f.open) + len(f.closed)
}

// take gives a connection one of a machine's ports; not ok if none is free. changed says
// that the machine has come to the end of them, or has some again: a quarter of them, so
// that this does not come and go with each that is free.
func (t *nat) take(o *outward, ports int) (changed, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.machines == nil {
		t.machines = map[string]*translated{}
	}
	m := t.machines[o.node]
	if m == nil {
		m = &translated{to: map[netip.AddrPort]*flows{}}
		t.machines[o.node] = m
	}
	f := m.to[o.to]
	if f == nil {
		m.sweep(o.used)
		f = &flows{open: map[*outward]struct{}{}}
		m.to[o.to] = f
	}
	used := f.at(o.used)
	if ok = used < ports; ok {
		f.open[o] = struct{}{}
	} else {
		m.dropped++
	}
	if !ok && !f.exhausted || f.exhausted && 4*used < 3*ports {
		f.exhausted, changed = !ok, true
	}
	return changed, ok
}

// sweep forgets the destinations to which there are no connections any more.
func (m *translated) sweep(now time.Time) {
	for to, f := range m.to {
		if f.at(now) == 0 && !f.exhausted {
			delete(m.to, to)
		}
	}
}

// touch notes a packet of a connection; not ok if it has lost its port.
func (t *nat) touch(o *outward) (ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.of(o)
	now := time.Now()
	if f == nil {
		return false
	}
	f.at(now)
	if _, ok = f.open[o]; ok {
		o.used = now
	}
	return ok
}

// give takes a connection's port back, at once if it was never open.
func (t *nat) give(o *outward, opened bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.of(o)
	if f == nil {
		return
	}
	if _, had := f.open[o]; had && opened {
		f.closed = append(f.closed, time.Now().Add(closedPort))
	}
	delete(f.open, o)
}

// of are the flows to where a connection goes; nil if there are none.
func (t *nat) of(o *outward) *flows {
	if m := t.machines[o.node]; m != nil {
		return m.to[o.to]
	}
	return nil
}

// use is how a machine's ports are used at a time.
func (t *nat) use(node string, now time.Time) (u SNATUse) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.machines[node]
	if m == nil {
		return u
	}
	u.Dropped = m.dropped
	for to, f := range m.to {
		if k := f.at(now); k > u.Ports || k == u.Ports && k > 0 && to.Compare(u.Busiest) < 0 {
			u.Ports, u.Busiest = k, to
		}
	}
	return u
}
