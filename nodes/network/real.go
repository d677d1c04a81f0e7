package network

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Real is a real program that answers at a port of a pod.
type Real struct {
	// Dial connects to it.
	Dial func(context.Context) (net.Conn, error)
	// Alive says whether the container still runs that it is behind.
	Alive func() bool
}

// join connects a client with a real program. Bytes pass as they are.
func (n *Network) join(ctx context.Context, r route, real Real) (net.Conn, error) {
	to := r.to.AddrPort
	program, err := real.Dial(ctx)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, opError(to, syscall.ECONNREFUSED)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return nil, opError(to, os.ErrDeadlineExceeded)
	case err != nil:
		return nil, opError(to, err)
	}
	inner, outer := net.Pipe()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	j := &joint{
		client: outer, program: program, alive: real.Alive,
		path:  func() bool { return n.arrives(r) },
		cross: func() error { return n.carry(ctx, r) },
	}
	go func() {
		defer cancel()
		j.up()
	}()
	go j.down()
	return r.clientEnd(inner), nil
}

// joint is a connection of a client with a real program, as the machines between them let
// it be. When the path fails, what is sent then is lost, and the client hears no more; when
// the container ends, the connection does.
type joint struct {
	client, program net.Conn
	path, alive     func() bool
	cross           func() error // what the links on the way do; ends with the connection
}

// up carries what the client sends, until it hangs up.
func (j *joint) up() {
	_ = j.carry(j.program, j.client) // it ends, however
	j.program.Close()
	if !j.path() {
		_, _ = io.Copy(io.Discard, j.client) // nobody tells the client that nobody hears
	}
	j.client.Close()
}

// down carries what the program sends, until it hangs up.
func (j *joint) down() {
	_ = j.carry(j.client, j.program) // it ends, however
	j.program.Close()
	if j.path() {
		j.client.Close()
	}
}

// carry copies until either end is closed, the container has ended, or there is no path any
// more: errDropped.
func (j *joint) carry(to, from net.Conn) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		switch {
		case n > 0 && (j.cross() != nil || !j.path()):
			return errDropped
		case n > 0 && !j.alive():
			return syscall.ECONNRESET
		case n > 0:
			if _, failed := to.Write(buf[:n]); failed != nil {
				return failed
			}
		}
		if err != nil {
			return err
		}
	}
}
