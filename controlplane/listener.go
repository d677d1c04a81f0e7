package controlplane

import (
	"net"
	"sync"
	"time"
)

// serverListener is what one incarnation of an API server listens on: the
// connections that a front door hands over, and a private port for the API
// server's client to itself. When the incarnation dies, all of them are reset.
type serverListener struct {
	private net.Listener
	accepts chan net.Conn
	dead    chan struct{} // closed by kill
	die     sync.Once
	closed  chan struct{} // closed by Close
	close   sync.Once
	gate    *gate
	conns   conns
}

func newServerListener(g *gate) (*serverListener, error) {
	private, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &serverListener{private: private, accepts: make(chan net.Conn), dead: make(chan struct{}), closed: make(chan struct{}), gate: g}
	go func() {
		for {
			c, err := private.Accept()
			if err != nil {
				return
			}
			// The server's client to itself never leaves the process: no gate.
			l.offer(l.conns.add(&patientConn{Conn: c, limit: loopbackReads}))
		}
	}()
	return l, nil
}

// handOver gives the server a connection that came in elsewhere. It waits at
// the gates given as well as at the server's own.
func (l *serverListener) handOver(c net.Conn, gates ...*gate) {
	l.offer(l.conns.add(&patientConn{Conn: c, limit: clientReads}, append([]*gate{l.gate}, gates...)...))
}

func (l *serverListener) offer(c *gatedConn) {
	select {
	case l.accepts <- c:
	case <-l.dead:
		c.reset()
	case <-l.closed:
		c.reset()
	}
}

// Accept implements [net.Listener]. It does not end when the server is killed:
// upstream's server panics when its listener fails under it.
func (l *serverListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepts:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Addr implements [net.Listener]: the private port.
func (l *serverListener) Addr() net.Addr { return l.private.Addr() }

// Close implements [net.Listener]: the server calls it when it shuts down. Open
// connections stay.
func (l *serverListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.private.Close()
}

// kill refuses new connections and resets those that are open.
func (l *serverListener) kill() {
	l.die.Do(func() { close(l.dead) })
	l.private.Close()
	l.conns.resetAll()
}

// A spin is more reads in one instant of virtual time than anybody needs who does
// not retry without a pause. It is answered with a pause of spinPause.
const (
	loopbackReads = 100    // the API server's client to itself
	clientReads   = 5_000  // a client of an API server
	etcdReads     = 20_000 // an API server, of etcd
	spinPause     = 250 * time.Millisecond
)

// patientConn lets virtual time pass for a client that retries without a pause.
// kube-apiserver's bootstrap does, until its informers have seen what it wrote;
// and they see it later, but there is no later while somebody works.
type patientConn struct {
	net.Conn
	limit   int
	instant time.Time
	reads   int
}

// SetLinger is the connection's, if it has one: see gatedConn.reset.
func (c *patientConn) SetLinger(sec int) error {
	if t, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return t.SetLinger(sec)
	}
	return nil
}

// Read implements [net.Conn]. A connection has one reader.
func (c *patientConn) Read(b []byte) (int, error) {
	if now := time.Now(); !now.Equal(c.instant) {
		c.instant, c.reads = now, 0
	}
	if c.reads++; c.reads > c.limit {
		time.Sleep(spinPause)
	}
	return c.Conn.Read(b)
}
