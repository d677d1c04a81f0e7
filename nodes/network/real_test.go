package network

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// reals is a fabric of which a pod has a real program behind its ports.
type reals struct {
	*fabric
	address string
	ended   atomic.Bool // the container
	cut     atomic.Bool // its node
}

// Reachable implements [Fabric].
func (f *reals) Reachable(node string) bool {
	return f.fabric.Reachable(node) && !(node == "n1" && f.cut.Load())
}

// Backend implements [Fabric].
func (f *reals) Backend(ip netip.Addr) (Backend, bool) {
	b, ok := f.fabric.Backend(ip)
	if b.Pod == "shop-1" {
		b.Real = func(int32) (Real, bool) {
			dial := func(ctx context.Context) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", f.address)
			}
			return Real{Dial: dial, Alive: func() bool { return !f.ended.Load() }}, true
		}
	}
	return b, ok
}

// program is a real server, and a network in which it is behind the port of a pod on n1.
func program(t *testing.T, h http.HandlerFunc) (*httptest.Server, *reals, *Network) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	f := newFabric()
	s, endpoints := shop(f)
	f.program([]*corev1.Service{s}, endpoints)
	r := &reals{fabric: f, address: server.Listener.Addr().String()}
	return server, r, New(r, 1)
}

const realPod = "10.244.1.1:8080"

func TestRealProgram(t *testing.T) {
	server, f, n := program(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "real ", r.Host) })
	conn, err := n.Dial(t.Context(), Origin{Node: "n3"}, realPod)
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.RemoteAddr().String(); got != realPod {
		t.Errorf("remote: got %s", got)
	}
	if pod, body := ask(t, conn); pod != "" || body != "real x" {
		t.Errorf("got %q, %q", pod, body)
	}
	if conn, err = n.Dial(t.Context(), Origin{Node: "n3"}, "10.244.2.1:8080"); err == nil {
		if pod, _ := ask(t, conn); pod != "default/shop-2" {
			t.Errorf("another pod: got %q", pod)
		}
	}
	server.Close()
	var at *net.OpError
	if _, err := n.Dial(t.Context(), Origin{Node: "n3"}, realPod); !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &at) || at.Addr.String() != realPod {
		t.Errorf("nobody listens: got %v", err)
	}
	f.cut.Store(true)
	if _, err := n.Dial(within(t, time.Millisecond), Origin{Node: "n3"}, realPod); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("its node is down: got %v", err)
	}
}

// A connection is cut where the machines between its ends are: the client hears nothing any
// more, not even that the program hangs up.
func TestRealProgramIsCutOff(t *testing.T) {
	var cut func()
	_, f, n := program(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Close {
			cut()
		}
		fmt.Fprint(w, "real")
	})
	cut = func() { f.cut.Store(true) }
	conn, err := n.Dial(t.Context(), Origin{Node: "n3"}, realPod)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, body, err := exchange(conn, false); err != nil || body != "real" {
		t.Fatalf("got %q, %v", body, err)
	}
	_ = conn.SetDeadline(time.Now().Add(300 * time.Millisecond)) // pipes take deadlines
	if _, _, err := exchange(conn, true); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("cut off: got %v, want no answer", err)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Errorf("cut off: a write fails with %v", err)
	}
}

// A connection ends with the container.
func TestRealProgramsContainerEnds(t *testing.T) {
	_, f, n := program(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "real") })
	conn, err := n.Dial(t.Context(), Origin{Node: "n3"}, realPod)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, _, err := exchange(conn, false); err != nil {
		t.Fatal(err)
	}
	f.ended.Store(true)
	_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := bufio.NewReader(conn).ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want a connection that has ended", err)
	}
}
