package controlplane

import (
	"net"
	"sync"
	"time"
)

// handover is a listener whose connections are accepted elsewhere and handed to it.
// It is what one incarnation of a server listens on: when the incarnation dies,
// whatever is handed to it is reset.
type handover struct {
	accepts chan net.Conn
	dead    chan struct{} // closed by kill
	die     sync.Once
	closed  chan struct{} // closed by Close
	close   sync.Once
}

func newHandover() *handover {
	return &handover{accepts: make(chan net.Conn), dead: make(chan struct{}), closed: make(chan struct{})}
}

// offer gives the server a connection.
func (h *handover) offer(c *gatedConn) {
	select {
	case h.accepts <- c:
	case <-h.dead:
		c.reset()
	case <-h.closed:
		c.reset()
	case <-c.done: // it was reset while it waited
	}
}

// Accept implements [net.Listener]. It does not end when the server is killed:
// upstream's server panics when its listener fails under it.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.accepts:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Addr implements [net.Listener]: nobody can connect to it.
func (h *handover) Addr() net.Addr { return &net.UnixAddr{Name: "in memory", Net: "unix"} }

// Close implements [net.Listener]: the server calls it when it shuts down. Open
// connections stay.
func (h *handover) Close() error {
	h.close.Do(func() { close(h.closed) })
	return nil
}

// kill refuses new connections.
func (h *handover) kill() { h.die.Do(func() { close(h.dead) }) }

// serverListener is what one incarnation of an API server listens on: the
// connections that a front door hands over, and calls of clients inside the engine.
// When the incarnation dies, all of them are reset.
type serverListener struct {
	*handover
	called *called
	addr   net.Addr
	gate   *gate
	conns  conns
}

// newServerListener has the address of the front door: no server has one of its own.
func newServerListener(addr net.Addr, g *gate) *serverListener {
	return &serverListener{handover: newHandover(), called: newCalled(), addr: addr, gate: g}
}

// Accept implements [net.Listener]. Once the server accepts connections it can be called, too.
func (l *serverListener) Accept() (net.Conn, error) {
	l.called.accept.Do(func() { close(l.called.accepts) })
	return l.handover.Accept()
}

// handOver gives the server a connection that came in elsewhere. It waits at
// the gates given as well as at the server's own.
func (l *serverListener) handOver(c net.Conn, gates ...*gate) {
	l.offer(l.conns.add(&patientConn{c, patience{limit: clientReads}}, append([]*gate{l.gate}, gates...)...))
}

// Addr implements [net.Listener].
func (l *serverListener) Addr() net.Addr { return l.addr }

// self is the server, for those who want no other, while it takes clients.
func (l *serverListener) self() *serverListener {
	select {
	case <-l.dead:
	case <-l.closed:
	default:
		return l
	}
	return nil
}

// kill refuses new connections and resets those that are open.
func (l *serverListener) kill() {
	l.handover.kill()
	l.conns.resetAll()
	l.called.kill(errAPIReset)
}

// A spin is more reads, or calls, in one instant of virtual time than anybody needs who
// does not retry without a pause. It is answered with a pause of spinPause.
const (
	loopbackCalls = 100    // the API server's client to itself
	clientReads   = 5_000  // a client of an API server
	etcdReads     = 20_000 // an API server, of etcd
	spinPause     = 250 * time.Millisecond
)

// patientConn lets virtual time pass for a client that retries without a pause.
// kube-apiserver's bootstrap does, until its informers have seen what it wrote;
// and they see it later, but there is no later while somebody works.
type patientConn struct {
	net.Conn
	patience
}

// patience counts what is asked in one instant.
type patience struct {
	limit   int
	instant time.Time
	asked   int
}

// pause counts one more, and is how long to wait before it is answered.
func (p *patience) pause() time.Duration {
	if now := time.Now(); !now.Equal(p.instant) {
		p.instant, p.asked = now, 0
	}
	if p.asked++; p.asked > p.limit {
		return spinPause
	}
	return 0
}

// SetLinger is the connection's, if it has one: see gatedConn.reset.
func (c *patientConn) SetLinger(sec int) error { return setLinger(c.Conn, sec) }

// Read implements [net.Conn]. A connection has one reader.
func (c *patientConn) Read(b []byte) (int, error) {
	time.Sleep(c.pause())
	return c.Conn.Read(b)
}
