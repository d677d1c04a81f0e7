package network

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// server is one outside.
const server = "198.18.0.1:80"

// ported is a network whose machines have so many SNAT ports.
func ported(ports int) (*fabric, *Network) {
	f := newFabric()
	f.outbound = Outbound{Ports: ports, Idle: 4 * time.Minute}
	return f, New(f, 1)
}

// reach asks a server outside once over a connection of its own, for at most a second.
func reach(t *testing.T, n *Network, node, to string) error {
	conn, err := n.Dial(within(t, time.Second), Origin{Node: node}, to)
	if err != nil {
		return err
	}
	ask(t, conn)
	return nil
}

func TestPortsAreUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := ported(3)
		for range 3 {
			if err := reach(t, n, "n1", server); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := n.SNAT("n1"), (SNATUse{Ports: 3, Busiest: mustAddrPort(server)}); got != want {
			t.Errorf("of three that were closed: got %+v, want %+v", got, want)
		}
		if err := reach(t, n, "n1", server); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the fourth: got %v, want a timeout", err)
		}
		if n.SNAT("n1").Dropped != 1 {
			t.Errorf("got %+v", n.SNAT("n1"))
		}
		for _, other := range []struct{ node, to string }{{"n2", server}, {"n1", "198.18.0.1:443"}, {"n1", "198.18.0.2:80"}} {
			if err := reach(t, n, other.node, other.to); err != nil {
				t.Errorf("from %s to %s: %v", other.node, other.to, err)
			}
		}
		time.Sleep(closedPort)
		if err := reach(t, n, "n1", server); err != nil {
			t.Errorf("four minutes later: %v", err)
		}
		if got, want := f.told, []string{"n1 198.18.0.1:80 3 true", "n1 198.18.0.1:80 3 false"}; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestMorePortsHelpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := ported(1)
		conn, err := n.Dial(t.Context(), Origin{Node: "n1"}, server)
		if err != nil {
			t.Fatal(err)
		}
		if reach(t, n, "n1", server) == nil {
			t.Error("two connections with one port")
		}
		for range 2 { // the one that is open goes on
			if _, _, err := exchange(conn, false); err != nil {
				t.Error(err)
			}
		}
		f.outbound.Ports = 8
		if err := reach(t, n, "n1", server); err != nil {
			t.Error(err)
		}
		conn.Close()
	})
}

func TestAnIdleConnectionLosesItsPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := ported(1)
		conn, err := n.Dial(t.Context(), Origin{Node: "n1"}, server)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		if _, _, err := exchange(conn, false); err != nil {
			t.Errorf("after three minutes: %v", err)
		}
		time.Sleep(4 * time.Minute)
		if n.SNAT("n1").Ports != 0 {
			t.Errorf("after four more: %+v", n.SNAT("n1"))
		}
		if _, _, err := exchange(conn, false); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a reset", err)
		}
		if err := reach(t, n, "n1", server); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatDoesNotLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := ported(1)
		if reach(t, n, "n1", "203.0.113.9:80") == nil {
			t.Error("an address where nothing is")
		}
		f.held = true
		if reach(t, n, "n1", server) == nil {
			t.Error("the network lets nothing out")
		}
		f.held = false
		n.SetLinks([]Link{{A: End{Outside: true}, Loss: 1}})
		if reach(t, n, "n1", server) == nil {
			t.Error("all packets to outside are lost")
		}
		n.SetLinks(nil)
		if err := reach(t, n, "n1", server); err != nil { // with the port of the one that never came about
			t.Error(err)
		}
		var c net.Conn
		if c, _ = n.Open(t.Context(), Origin{Node: "n1"}, "udp", server); c == nil {
			t.Fatal("no datagrams")
		}
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a datagram: %v", err)
		}
	})
}
