package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"demarc/sim/accept"
)

// frontDoor is the stable way to the API servers, as AKS's FQDN and load
// balancer are: whoever enters is handed to a live API server. While none
// lives, connections are refused.
type frontDoor struct {
	mu        sync.Mutex
	servers   []*serverListener
	next      int
	entrances map[*entrance]struct{}
	gates     map[string]*gate // by role
	unserved  func(since time.Time)
}

// newFrontDoor makes a front door. Unserved is told when the last API server has gone.
func newFrontDoor(unserved func(since time.Time)) *frontDoor {
	if unserved == nil {
		unserved = func(time.Time) {}
	}
	return &frontDoor{entrances: map[*entrance]struct{}{}, gates: map[string]*gate{}, unserved: unserved}
}

// Roles that come to the API servers, by the front door's port or by calls. A role's
// gate is the network between those clients and the API servers.
const (
	roleCustomer = "customer"
	roleNodes    = "nodes"
	roleProvider = "provider"
)

// gate is the network path of a role.
func (d *frontDoor) gate(role string) *gate {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.gates[role]
	if g == nil {
		g = &gate{}
		d.gates[role] = g
	}
	return g
}

// attach lets an API server in; detach takes it out.
func (d *frontDoor) attach(s *serverListener) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.servers = append(d.servers, s)
	if len(d.servers) > 1 {
		return nil
	}
	var errs []error
	for e := range d.entrances {
		errs = append(errs, e.listen())
	}
	return errors.Join(errs...)
}

func (d *frontDoor) detach(s *serverListener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.servers)
	d.servers = slices.DeleteFunc(d.servers, func(x *serverListener) bool { return x == s })
	if len(d.servers) == 0 {
		if before > 0 {
			go d.unserved(time.Now())
		}
		for e := range d.entrances {
			e.refuse()
		}
	}
}

// pick is the API server for the next connection, or nil.
func (d *frontDoor) pick() *serverListener {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.servers) == 0 {
		return nil
	}
	d.next++
	return d.servers[d.next%len(d.servers)]
}

// entrance is one loopback port of the front door, for one role.
type entrance struct {
	door  *frontDoor
	role  string
	gates []*gate // what comes in waits at each
	addr  string
	hold  *portHold

	mu       sync.Mutex
	listener net.Listener // nil while connections are refused
	conns    conns
}

// open makes an entrance on port, or on a free one if port is 0 or another program
// has it by now. What comes in waits at the role's gate and at those given.
func (d *frontDoor) open(role string, port int, gates ...*gate) (*entrance, error) {
	hold, addr, err := holdPort(port)
	if err != nil {
		return nil, err
	}
	e := &entrance{door: d, role: role, gates: append(gates, d.gate(role)), addr: addr, hold: hold}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entrances[e] = struct{}{}
	if len(d.servers) > 0 {
		if err := e.listen(); err != nil {
			delete(d.entrances, e)
			hold.release()
			return nil, err
		}
	}
	return e, nil
}

// url is where clients of the entrance go.
func (e *entrance) url() string { return "https://" + e.addr }

// address is the same, as an address.
func (e *entrance) address() *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(e.addr))
}

func (e *entrance) listen() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listener != nil {
		return nil
	}
	lc := net.ListenConfig{Control: sharePort}
	l, err := lc.Listen(context.Background(), "tcp", e.addr)
	if err != nil {
		return fmt.Errorf("front door: %w", err)
	}
	e.listener = l
	go accept.All(l, e.take)
	return nil
}

// take hands a client to an API server.
func (e *entrance) take(c net.Conn) {
	gc := e.conns.add(newOutsider(c), e.gates...)
	if s := e.door.pick(); s != nil {
		go s.handOver(gc)
	} else {
		gc.reset()
	}
}

// refuse makes the kernel refuse connections, and keeps the port.
func (e *entrance) refuse() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listener != nil {
		e.listener.Close()
		e.listener = nil
	}
}

// close gives the port back and resets the connections that came in by it: what
// happens to a client that is killed.
func (e *entrance) close() {
	e.door.mu.Lock()
	delete(e.door.entrances, e)
	e.door.mu.Unlock()
	e.refuse()
	e.hold.release()
	e.conns.resetAll()
}
