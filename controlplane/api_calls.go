package controlplane

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// Times of client-go's connections (Kubernetes v1.37, client-go/transport and
// apimachinery/util/net).
const (
	handshakeTimeout = 10 * time.Second
	// apiKeepalive is for how long a connection waits for a sign of life: 30 s until it
	// asks for one, and 15 s for the answer.
	apiKeepalive = 45 * time.Second
)

// What a client of an API server is told when it has no connection, or loses it.
var (
	errAPIHandshake error = handshakeError{}
	errAPIReset     error = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	errAPISilent          = errors.New("http2: client connection lost")
)

// handshakeError is net/http's error of that name.
type handshakeError struct{}

// Error implements error.
func (handshakeError) Error() string { return "net/http: TLS handshake timeout" }

// Timeout implements [net.Error].
func (handshakeError) Timeout() bool { return true }

// Temporary implements [net.Error].
func (handshakeError) Temporary() bool { return true }

// apiCalls is how a client inside the engine reaches the API servers: what it would send
// over connections are calls of their handlers. They wait where a connection would (at
// the gates), end when it would, and are refused while no API server lives. Nobody
// outside can come this way. It implements [http.RoundTripper].
type apiCalls struct {
	pick func() *serverListener // the API server for the next connection, or nil
	addr net.Addr               // where it would connect to, for errors
	as   *caller                // who asks
	// path is what requests pass on their way to a server.
	path  func(*serverListener) []*gate
	limit int // of requests in one instant: see patience

	mu     sync.Mutex
	conn   *apiConn // the newest; it may have ended
	closed bool
}

// caller is a client as an API server sees it: by the certificate that it shows when it
// connects. Who has a token shows none.
type caller struct{ certified, bare *tls.ConnectionState }

// calls is a way to the API servers for a client, whose requests wait at the role's gate
// and at those given.
func (d *frontDoor) calls(role string, addr net.Addr, as *caller, gates ...*gate) *apiCalls {
	gates = append(gates, d.gate(role))
	path := func(s *serverListener) []*gate { return append([]*gate{s.gate}, gates...) }
	return &apiCalls{pick: d.pick, addr: addr, as: as, path: path, limit: clientReads}
}

// calls is a way to this server alone.
func (l *serverListener) calls(as *caller) *apiCalls {
	path := func(*serverListener) []*gate { return []*gate{l.gate} }
	return &apiCalls{pick: l.self, addr: l.addr, as: as, path: path, limit: clientReads}
}

// loopback is the server's way to itself. It never leaves the process: no gate.
func (l *serverListener) loopback() *apiCalls {
	path := func(*serverListener) []*gate { return nil }
	return &apiCalls{pick: l.self, addr: l.addr, as: &caller{}, path: path, limit: loopbackCalls}
}

// RoundTrip implements [http.RoundTripper].
func (x *apiCalls) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := x.ask(r)
	for range eventNames {
		again := renamed(r, resp, err)
		if again == nil {
			break
		}
		resp.Body.Close()
		r = again
		resp, err = x.ask(r)
	}
	if err != nil && r.Body != nil {
		r.Body.Close()
	}
	return resp, err
}

func (x *apiCalls) ask(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	c, err := x.connection(r.Context())
	if err != nil {
		return nil, err
	}
	ctx, end := c.during(r.Context())
	if !c.pass(ctx, false) {
		defer end()
		return nil, context.Cause(ctx)
	}
	time.Sleep(c.pause())
	asked := x.request(ctx, r)
	if streams(r) {
		return c.stream(asked, r, end)
	}
	defer end()
	return c.whole(asked, r)
}

// connection is the connection that there is, or a new one. As over HTTP/2, one serves
// all requests of a client.
func (x *apiCalls) connection(ctx context.Context) (*apiConn, error) {
	if c, err := x.current(); c != nil || err != nil {
		return c, err
	}
	s := x.pick()
	if s == nil {
		return nil, x.refusal()
	}
	c := newAPIConn(s, x.limit, x.path(s))
	if err := c.shakeHands(ctx); err != nil {
		c.end(err)
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		c.end(errAPIReset)
		return nil, errAPIReset
	}
	if x.conn.serves() { // another request was faster
		c.end(nil)
		return x.conn, nil
	}
	x.conn = c
	return c, nil
}

// current is the connection that there is; nil if it takes no requests any more.
func (x *apiCalls) current() (*apiConn, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, x.refusal()
	}
	if x.conn.serves() {
		return x.conn, nil
	}
	return nil, nil
}

// refusal is what a client is told when there is nobody to connect to.
func (x *apiCalls) refusal() error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: x.addr, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// close ends what is under way and refuses the rest: what happens to a client that is
// killed.
func (x *apiCalls) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	if x.conn != nil {
		x.conn.end(errAPIReset)
	}
}

// apiConn is what stands for a connection of a client with one life of an API server.
type apiConn struct {
	server *serverListener
	gates  []*gate
	ctx    context.Context // ends with the connection, for a cause; nothing of the client's is in it
	end    context.CancelCauseFunc

	mu       sync.Mutex
	patience patience
}

func newAPIConn(s *serverListener, limit int, gates []*gate) *apiConn {
	c := &apiConn{server: s, gates: gates, patience: patience{limit: limit}}
	c.ctx, c.end = context.WithCancelCause(s.called.life)
	var forget []func()
	for _, g := range gates {
		forget = append(forget, g.onClose(c.keepAlive))
	}
	context.AfterFunc(c.ctx, func() {
		for _, f := range forget {
			f()
		}
	})
	return c
}

// serves says whether the connection takes requests: a server that ends in good order
// sends its clients away.
func (c *apiConn) serves() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.ctx.Done():
		return false
	case <-c.server.closed:
		return false
	default:
		return true
	}
}

// shakeHands waits until the server accepts and the gates are open.
func (c *apiConn) shakeHands(client context.Context) error {
	client, cancel := context.WithTimeoutCause(client, handshakeTimeout, errAPIHandshake)
	defer cancel()
	ctx, end := c.during(client)
	defer end()
	select {
	case <-c.server.called.accepts:
	case <-ctx.Done():
	}
	if !c.pass(ctx, true) {
		return context.Cause(ctx)
	}
	return nil
}

// keepAlive ends the connection if nothing comes by it for too long.
func (c *apiConn) keepAlive() {
	ctx, cancel := context.WithTimeout(c.ctx, apiKeepalive)
	defer cancel()
	if !c.pass(ctx, false) {
		c.end(errAPISilent)
	}
}

// during is a context of the connection's that also ends with one of the client's, for
// that one's cause.
func (c *apiConn) during(client context.Context) (context.Context, func()) {
	return joined(c.ctx, client)
}

// pass waits until all gates are open, and returns false if ctx ended first.
func (c *apiConn) pass(ctx context.Context, delayed bool) bool {
	return passAll(c.gates, ctx.Done(), delayed) && ctx.Err() == nil
}

// pause is how long to wait before the next request is answered.
func (c *apiConn) pause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.patience.pause()
}
