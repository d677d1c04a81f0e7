package controlplane

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// A gate stands in the path of connections and can hold up what passes.
// The zero value lets everything through.
type gate struct {
	mu    sync.Mutex
	shut  chan struct{} // nil while open; closed when it opens again
	delay time.Duration // added to every answer
	told  map[*func()]struct{}
}

// onClose has f called whenever the gate is closed, until stop is called.
func (g *gate) onClose(f func()) (stop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.told == nil {
		g.told = map[*func()]struct{}{}
	}
	g.told[&f] = struct{}{}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.told, &f)
	}
}

// close holds up everything until open is called.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		return
	}
	g.shut = make(chan struct{})
	for f := range g.told {
		go (*f)()
	}
}

// open lets everything through again, at full speed.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.delay = 0
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

// slow adds a delay to every answer.
func (g *gate) slow(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.delay = d
}

// pass waits until the gate and those behind it are open, and with delayed for
// their delays. It returns false if done was closed first.
func (g *gate) pass(done <-chan struct{}, delayed bool) bool {
	g.mu.Lock()
	shut, delay := g.shut, g.delay
	g.mu.Unlock()
	if delayed && delay > 0 {
		select {
		case <-time.After(delay):
		case <-done:
			return false
		}
	}
	if shut != nil {
		select {
		case <-shut:
		case <-done:
			return false
		}
	}
	return true
}

// passAll waits at one gate after the other, and returns false if done was closed first.
func passAll(gates []*gate, done <-chan struct{}, delayed bool) bool {
	for _, g := range gates {
		if !g.pass(done, delayed) {
			return false
		}
	}
	return true
}

// joined is a context that also ends with another, for that one's cause. What is returned
// ends it.
func joined(ctx, other context.Context) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(other, func() { cancel(context.Cause(other)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// gatedConn is a connection through gates: what is read and what is written
// waits at each of them.
type gatedConn struct {
	net.Conn
	gates  []*gate
	done   chan struct{}
	once   sync.Once
	forget func(*gatedConn) // called when it is closed
}

func (c *gatedConn) pass(delayed bool) error {
	if !passAll(c.gates, c.done, delayed) {
		return net.ErrClosed
	}
	return nil
}

// Read reads first and waits then, so that a reader that was blocked when the
// gate closed does not let one more message through.
func (c *gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if perr := c.pass(false); perr != nil {
		return 0, perr
	}
	return n, err
}

// Write waits first. What the near side writes is an answer.
func (c *gatedConn) Write(b []byte) (int, error) {
	if err := c.pass(true); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *gatedConn) Close() error {
	c.once.Do(func() {
		close(c.done)
		c.forget(c)
	})
	return c.Conn.Close()
}

// reset closes the connection the way a killed process does: the peer sees
// "connection reset by peer" and nothing that was still buffered.
func (c *gatedConn) reset() {
	_ = setLinger(c.Conn, 0) // best effort: a plain close is nearly the same
	c.Close()
}

// setLinger sets how a connection is closed, if it is one of the kernel's.
func setLinger(c net.Conn, sec int) error {
	if t, ok := c.(interface{ SetLinger(int) error }); ok {
		return t.SetLinger(sec)
	}
	return nil
}

// conns is a set of open connections.
type conns struct {
	mu   sync.Mutex
	open map[*gatedConn]struct{}
}

func (s *conns) add(c net.Conn, gates ...*gate) *gatedConn {
	gc := &gatedConn{Conn: c, gates: gates, done: make(chan struct{}), forget: s.forget}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*gatedConn]struct{}{}
	}
	s.open[gc] = struct{}{}
	return gc
}

func (s *conns) forget(c *gatedConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// resetAll resets every connection of the set.
func (s *conns) resetAll() {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	for _, c := range all {
		c.reset()
	}
}
