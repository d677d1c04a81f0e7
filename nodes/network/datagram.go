package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Exchange sends a datagram to an address and returns the answer, or nil if none comes. The
// error is that nothing listens there: packets that nobody takes make none.
func (n *Network) Exchange(from Origin, to netip.AddrPort, payload []byte) ([]byte, error) {
	r, err := n.exchange(context.Background(), socket{to, true}, from.client()) // nobody can hurry a datagram
	if errors.Is(err, errDropped) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	answer, ok := r.backend.Answer(int32(r.to.Port()), netip.AddrPortFrom(r.from, clientPort), payload)
	if !ok { // it has ended just now
		return nil, syscall.ECONNREFUSED
	}
	return answer, nil
}

// clientPort is from where clients send datagrams.
const clientPort = 40000

// maxDatagrams is how many answers wait for a client that does not read; more are lost.
const maxDatagrams = 64

// Open connects a client with host:port over a network, "udp" or "tcp". A connection of
// datagrams is there whether or not something listens.
func (n *Network) Open(ctx context.Context, from Origin, network, address string) (net.Conn, error) {
	if network != "udp" {
		return n.Dial(ctx, from, address)
	}
	ips, port, err := n.find(ctx, from, network, address)
	if err != nil {
		return nil, err
	}
	to := netip.AddrPortFrom(ips[0], port)
	local := from.Address
	if !local.IsValid() {
		local = n.fabric.NodeIP(from.Node)
	}
	return &datagrams{
		local: netip.AddrPortFrom(local, clientPort), remote: to,
		send:    func(b []byte) ([]byte, error) { return n.Exchange(from, to, b) },
		answers: make(chan answer, maxDatagrams), closed: make(chan struct{}), late: make(chan struct{}),
	}, nil
}

// answer is a datagram for a client, or that its own could not be delivered.
type answer struct {
	payload []byte
	err     error
}

// datagrams is a client's end of UDP, connected with an address.
type datagrams struct {
	local, remote netip.AddrPort
	send          func([]byte) ([]byte, error)
	answers       chan answer
	shut          sync.Once
	closed        chan struct{}

	mu    sync.Mutex
	late  chan struct{} // closed when the deadline is over
	timer *time.Timer   // of the deadline
}

// Write implements [net.Conn]: it sends one datagram.
func (d *datagrams) Write(p []byte) (int, error) {
	select {
	case <-d.closed:
		return 0, net.ErrClosed
	default:
	}
	payload, err := d.send(p)
	if payload != nil || err != nil {
		select {
		case d.answers <- answer{payload, err}:
		default:
		}
	}
	return len(p), nil
}

// Read implements [net.Conn]: it takes one datagram.
func (d *datagrams) Read(p []byte) (int, error) {
	d.mu.Lock()
	late := d.late
	d.mu.Unlock()
	var err error
	select {
	case a := <-d.answers:
		if a.err == nil {
			return copy(p, a.payload), nil
		}
		err = a.err
	case <-d.closed:
		return 0, net.ErrClosed
	case <-late:
		err = os.ErrDeadlineExceeded
	}
	return 0, &net.OpError{Op: "read", Net: "udp", Source: d.LocalAddr(), Addr: d.RemoteAddr(), Err: err}
}

// SetReadDeadline implements [net.Conn].
func (d *datagrams) SetReadDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		d.late = make(chan struct{})
	}
	d.timer = nil
	if !t.IsZero() {
		late := d.late
		d.timer = time.AfterFunc(time.Until(t), func() { close(late) })
	}
	return nil
}

// SetDeadline implements [net.Conn].
func (d *datagrams) SetDeadline(t time.Time) error { return d.SetReadDeadline(t) }

// SetWriteDeadline implements [net.Conn]: nothing that is sent waits.
func (d *datagrams) SetWriteDeadline(time.Time) error { return nil }

// Close implements [net.Conn].
func (d *datagrams) Close() error {
	d.shut.Do(func() { close(d.closed) })
	return d.SetReadDeadline(time.Time{})
}

// LocalAddr implements [net.Conn].
func (d *datagrams) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(d.local) }

// RemoteAddr implements [net.Conn].
func (d *datagrams) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(d.remote) }
