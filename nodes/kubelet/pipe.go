package kubelet

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffer is how much one direction of a pipe holds, like a socket's buffer.
// A writer that has no reader yet does not wait: ends that close a TLS
// connection at the same time both still want to say so.
const pipeBuffer = 256 << 10

// newPipe returns the two ends of a connection in memory.
func newPipe() (net.Conn, net.Conn) {
	a, b := newFlow(), newFlow()
	return &pipeEnd{in: a, out: b}, &pipeEnd{in: b, out: a}
}

// pipeEnd is one end of a pipe.
type pipeEnd struct{ in, out *flow }

// Read, Write, Close, LocalAddr, RemoteAddr and the deadlines make it a net.Conn.
func (e *pipeEnd) Read(p []byte) (int, error) { return e.in.read(p) }

// Write waits only while the far end's buffer is full.
func (e *pipeEnd) Write(p []byte) (int, error) { return e.out.write(p) }

// Close ends both directions. What was written can still be read.
func (e *pipeEnd) Close() error {
	e.out.finish()
	e.in.abandon()
	return nil
}

// LocalAddr is a placeholder.
func (e *pipeEnd) LocalAddr() net.Addr { return place("memory") }

// RemoteAddr is a placeholder with a port, which servers want to split off.
func (e *pipeEnd) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: Port}
}

// SetDeadline sets both deadlines.
func (e *pipeEnd) SetDeadline(t time.Time) error {
	e.in.reads.set(e.in, t)
	e.out.writes.set(e.out, t)
	return nil
}

// SetReadDeadline bounds reads.
func (e *pipeEnd) SetReadDeadline(t time.Time) error { e.in.reads.set(e.in, t); return nil }

// SetWriteDeadline bounds writes.
func (e *pipeEnd) SetWriteDeadline(t time.Time) error { e.out.writes.set(e.out, t); return nil }

// flow is one direction of a pipe.
type flow struct {
	mu            sync.Mutex
	changed       *sync.Cond
	buf           []byte
	finished      bool // nothing more is written
	abandoned     bool // nothing more is read
	reads, writes deadline
}

func newFlow() *flow {
	f := &flow{}
	f.changed = sync.NewCond(&f.mu)
	return f
}

// deadline is when waiting on one side of a flow ends.
type deadline struct {
	passed bool
	timer  *time.Timer
}

func (d *deadline) set(f *flow, t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.stop()
	d.passed = !t.IsZero() && !t.After(time.Now())
	f.changed.Broadcast()
	if t.IsZero() || d.passed {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(t), func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if d.timer == timer {
			d.passed = true
			f.changed.Broadcast()
		}
	})
	d.timer = timer
}

func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.abandoned:
			return 0, net.ErrClosed
		case f.reads.passed:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case len(f.buf) > 0:
			n := copy(p, f.buf)
			f.buf = f.buf[n:]
			f.changed.Broadcast()
			return n, nil
		case f.finished:
			return 0, io.EOF
		}
		f.changed.Wait()
	}
}

func (f *flow) write(p []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.finished:
			return n, net.ErrClosed
		case f.abandoned:
			return n, io.ErrClosedPipe
		case f.writes.passed:
			return n, os.ErrDeadlineExceeded
		}
		if room := min(pipeBuffer-len(f.buf), len(p)); room > 0 {
			f.buf = append(f.buf, p[:room]...)
			p, n = p[room:], n+room
			f.changed.Broadcast()
		}
		if len(p) == 0 {
			return n, nil
		}
		f.changed.Wait()
	}
}

// finish ends the writing side.
func (f *flow) finish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.finished = true
	f.writes.stop()
	f.changed.Broadcast()
}

// abandon ends the reading side.
func (f *flow) abandon() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.abandoned, f.buf = true, nil
	f.reads.stop()
	f.changed.Broadcast()
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
