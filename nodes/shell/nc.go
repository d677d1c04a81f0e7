package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// nc connects with a port: with -z to see whether it is open, else to send what it reads
// and to print what comes back; with -u by datagrams.
func nc(ctx context.Context, c *Call) int {
	limit, network := time.Duration(0), "tcp"
	if !c.Shell.GNU {
		limit = 10 * time.Second
	}
	o := c.Options("w= i= p= W= s= q=")
	if o.Has("w") {
		limit, _ = Span(o.Value("w"))
	}
	if o.Has("u") {
		network = "udp"
	}
	to := o.Operands
	if !c.Shell.GNU && (o.Has("l") || o.Has("listen")) {
		<-ctx.Done() // nobody connects
		return c.Shell.Interrupted()
	}
	if len(to) != 2 || o.Has("l") {
		return c.Fail("%s", c.say("usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-w timeout] [destination] [port]", "usage: nc -z [-v] [-w SEC] HOST PORT"))
	}
	conn, done, err := c.Dial(ctx, network, net.JoinHostPort(to[0], to[1]), limit)
	defer done()
	if err == nil && network == "udp" {
		if _, refused, _ := Trouble(knock(conn, o.Has("v", "z"))); refused {
			return 1
		}
	}
	name, refused, late := Trouble(err)
	switch {
	case err == nil:
		if o.Has("v") {
			fmt.Fprintf(c.Err, c.say("Connection to %s %s port [%s/*] succeeded!\n", "%s (%s) open%.0s\n"), to[0], to[1], network)
		}
		switch {
		case o.Has("z") || c.In == nil:
		case network == "udp":
			return datagrams(conn, c.In, c.Out, o.Value("W") == "1")
		default:
			exchange(conn, c.In, c.Out)
		}
		return 0
	case !c.Shell.GNU:
		return c.Fail("nc: %s (%s): %v", to[0], to[1], err)
	case name:
		return c.Fail("nc: getaddrinfo for host \"%s\" port %s: Name or service not known", to[0], to[1])
	case refused && o.Has("v"):
		return c.Fail("nc: connect to %s port %s (tcp) failed: Connection refused", to[0], to[1])
	case late && o.Has("v"):
		return c.Fail("nc: connect to %s port %s (tcp) timed out: Operation now in progress", to[0], to[1])
	}
	return 1
}

// exchange sends what is read and copies what comes back, until the connection ends or its
// time does.
func exchange(conn net.Conn, in io.Reader, out io.Writer) {
	go func() { _, _ = io.Copy(conn, in) }() // ends with either
	_, _ = io.Copy(out, conn)
}

// knock sends a byte to see whether a port of UDP is closed, if that is wanted: no answer
// means that it may be open.
func knock(conn net.Conn, wanted bool) error {
	if !wanted {
		return nil
	}
	if _, err := conn.Write([]byte("X")); err != nil {
		return err
	}
	const wait = time.Second
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, maxDatagram))
	return errors.Join(err, conn.SetReadDeadline(time.Time{}))
}

// maxDatagram is how long a datagram can be.
const maxDatagram = 64 << 10

// datagrams sends what is read and prints the answers, or the first alone, until no more
// come in time.
func datagrams(conn net.Conn, in io.Reader, out io.Writer, first bool) int {
	go func() { _, _ = io.Copy(conn, in) }() // ends with either
	b := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(b)
		if _, refused, _ := Trouble(err); refused {
			return 1
		}
		if err != nil {
			return 0
		}
		if _, err := out.Write(b[:n]); err != nil || first {
			return 0
		}
	}
}
