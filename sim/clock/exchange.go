package clock

import (
	"net"
	"sync"
)

// Asked is a connection with somebody outside who asks. The clock is held from the
// first, and whenever something has been read, until something is written.
func Asked(c net.Conn) net.Conn {
	x := &exchange{Conn: c, asked: true}
	x.open()
	return x
}

// Asking is a connection with somebody outside who is asked. The clock is held whenever
// something has been written, until something is read.
func Asking(c net.Conn) net.Conn { return &exchange{Conn: c} }

// exchange is a connection on which questions and answers take turns.
type exchange struct {
	net.Conn
	asked bool

	mu      sync.Mutex
	release func() // nil while no answer is waited for
}

// Read implements [net.Conn].
func (x *exchange) Read(b []byte) (int, error) {
	n, err := x.Conn.Read(b)
	switch {
	case !x.asked || err != nil:
		x.end()
	case n > 0:
		x.open()
	}
	return n, err
}

// Write implements [net.Conn].
func (x *exchange) Write(b []byte) (int, error) {
	if x.asked {
		defer x.end()
	} else {
		x.open()
	}
	return x.Conn.Write(b)
}

// Close implements [net.Conn].
func (x *exchange) Close() error {
	x.end()
	return x.Conn.Close()
}

func (x *exchange) open() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.release == nil {
		x.release = Hold()
	}
}

func (x *exchange) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.release != nil {
		x.release()
		x.release = nil
	}
}
