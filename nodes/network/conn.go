package network

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// BackendHeader names the pod that answered, in a response's header.
const BackendHeader = "X-Demarc-Backend"

// serve answers one connection with a handler and returns the client's end.
func serve(h http.Handler, b Backend, to netip.AddrPort) net.Conn {
	client, server := net.Pipe()
	backend := b.Pod
	if b.Namespace != "" {
		backend = b.Namespace + "/" + b.Pod
	}
	l := &oneConn{conn: addressed{server, to}, done: make(chan struct{})}
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(BackendHeader, backend)
			h.ServeHTTP(w, r)
		}),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				l.Close()
			}
		},
	}
	go func() { _ = srv.Serve(l) }() // ends with the connection
	return addressed{client, to}
}

// addressed is a pipe that says where it leads.
type addressed struct {
	net.Conn
	to netip.AddrPort
}

// RemoteAddr implements [net.Conn].
func (a addressed) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(a.to) }

// oneConn is a listener that accepts one connection, and ends when it has.
type oneConn struct {
	conn net.Conn
	once sync.Once
	shut sync.Once
	done chan struct{}
}

// Accept implements [net.Listener].
func (l *oneConn) Accept() (c net.Conn, err error) {
	l.once.Do(func() { c = l.conn })
	if c != nil {
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

// Close implements [net.Listener].
func (l *oneConn) Close() error {
	l.shut.Do(func() { close(l.done) })
	return nil
}

// Addr implements [net.Listener].
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }
