package network

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// BackendHeader names the pod that answered, in a response's header.
const BackendHeader = "X-Demarc-Backend"

// Outside is the address that clients outside the cluster have: of a block
// that is reserved for documentation (RFC 5737).
var Outside = netip.MustParseAddr("203.0.113.1")

// serve opens a connection along a route, and returns the client's end.
func (n *Network) serve(r route) net.Conn {
	inner, outer := net.Pipe()
	client := r.clientEnd(inner)
	server := net.Conn(&end{Conn: outer, local: client.remote, remote: client.local})
	if r.to.Port() != plainPort {
		server = &either{end: server.(*end), port: int32(r.to.Port()), certificate: r.backend.Certificate}
	}
	l := &oneConn{Conn: server, accepts: make(chan net.Conn, 1), done: make(chan struct{})}
	l.accepts <- server
	srv := &http.Server{
		Handler: &link{network: n, route: r, server: server},
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				l.Close()
			}
		},
	}
	go func() { _ = srv.Serve(l) }() // ends with the connection
	return client
}

// clientEnd is the end that a client has of a connection.
func (r route) clientEnd(conn net.Conn) *end {
	return &end{Conn: conn, local: netip.AddrPortFrom(r.from, 0), remote: r.to.AddrPort}
}

// link is an open connection's way to its backend.
type link struct {
	network *Network
	route
	server net.Conn
}

// ServeHTTP implements [http.Handler].
func (l *link) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer l.deliver(r)
	if l.network.carry(r.Context(), l.route) != nil {
		panic(http.ErrAbortHandler)
	}
	if e, ok := l.server.(*either); ok {
		r.TLS = e.state()
	}
	h, ok := l.backend.Handler(int32(l.to.Port()))
	if !ok {
		panic(http.ErrAbortHandler) // net/http closes the connection
	}
	name := l.backend.Pod
	if l.backend.Namespace != "" {
		name = l.backend.Namespace + "/" + name
	}
	if name != "" {
		w.Header().Set(BackendHeader, name)
	}
	if l.once && r.Method != http.MethodGet {
		w.Header().Set("Connection", "close")
	}
	h.ServeHTTP(w, r)
}

// deliver loses what came of a request if there is no path any more, be it an answer or
// a connection that ended with its container: the client gives up some time.
func (l *link) deliver(r *http.Request) {
	if !l.network.arrives(l.route) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	if l.network.carry(r.Context(), l.route) != nil {
		panic(http.ErrAbortHandler)
	}
}

// end is one end of a connection.
type end struct {
	net.Conn
	local, remote netip.AddrPort
}

// LocalAddr and RemoteAddr implement [net.Conn].
func (e *end) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(e.local) }

// RemoteAddr is where the other end is.
func (e *end) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(e.remote) }

// oneConn is a listener that accepts one connection, and ends when it has.
type oneConn struct {
	net.Conn
	accepts chan net.Conn
	shut    sync.Once
	done    chan struct{}
}

// Accept implements [net.Listener].
func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepts:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *oneConn) Close() error {
	l.shut.Do(func() { close(l.done) })
	return nil
}

// Addr implements [net.Listener].
func (l *oneConn) Addr() net.Addr { return l.Conn.LocalAddr() }
