package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"demarc/sim/clock"
)

// Bounds of the connections of the management API. The times are real: the engine's
// own clock may stand still, or run through years, while a client is slow.
const (
	maxConns = 128
	// patience is for how long a client may take to say what it wants, or not take
	// what it is sent.
	patience = 30 * time.Second
	// patrol is how often slow clients are looked for.
	patrol = 5 * time.Second
)

// clients are the connections of the management API, and how long each has kept the
// engine waiting. It implements [net.Listener].
type clients struct {
	net.Listener
	now func() time.Duration // in real time

	mu   sync.Mutex
	open map[*client]struct{}
}

// client is one connection.
type client struct {
	net.Conn
	of *clients

	// Guarded by of.mu.
	waits bool          // for the client: for its request, or to take an answer
	since time.Duration // in real time
	idle  bool          // between two requests
}

func newClients(l net.Listener) *clients {
	return &clients{Listener: l, now: clock.RealNow, open: map[*client]struct{}{}}
}

// Accept implements [net.Listener]. One that is too many takes the place of one that
// can be spared; if there is none, it is closed itself.
func (s *clients) Accept() (net.Conn, error) {
	for {
		c, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		s.closeSlow()
		x := &client{Conn: c, of: s, waits: true, since: s.now()}
		if s.add(x) {
			return x, nil
		}
		c.Close()
	}
}

func (s *clients) add(x *client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxConns {
		c := s.spare()
		if c == nil {
			return false
		}
		delete(s.open, c)
		c.Conn.Close()
	}
	s.open[x] = struct{}{}
	return true
}

// spare is the connection that can best be done without: one that has nothing to ask,
// else the one that has kept the engine waiting longest, so that strangers who say
// nothing keep nobody out. The lock is held.
func (s *clients) spare() (c *client) {
	for x := range s.open {
		switch {
		case x.idle:
			return x
		case x.waits && (c == nil || x.since < c.since):
			c = x
		}
	}
	return c
}

// closeSlow closes the connections of clients that have kept the engine waiting for
// too long.
func (s *clients) closeSlow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if c.waits && s.now()-c.since > patience {
			delete(s.open, c)
			c.Conn.Close()
		}
	}
}

// set notes what a connection does.
func (c *client) set(waits, idle bool) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.waits, c.idle, c.since = waits, idle, c.of.now()
}

// Write implements [net.Conn].
func (c *client) Write(b []byte) (int, error) {
	c.set(true, false)
	defer c.set(false, false)
	return c.Conn.Write(b)
}

// Close implements [net.Conn].
func (c *client) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// noteState notes that a connection begins a request, or has had its answer.
func noteState(c net.Conn, state http.ConnState) {
	if x, ok := c.(*client); ok && (state == http.StateActive || state == http.StateIdle) {
		x.set(state == http.StateActive, state == http.StateIdle)
	}
}

type clientKey struct{}

// withClient puts a connection into the contexts of its requests.
func withClient(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// understood notes that the whole of a request is there: nobody waits for its client.
func understood(r *http.Request) {
	if c, ok := r.Context().Value(clientKey{}).(*client); ok {
		c.set(false, false)
	}
}
