package server

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"demarc/sim/clock"
)

// TestSlowClients checks that whoever keeps the management API waiting is let go by
// real time, however the engine's clock runs, and that nobody else is.
func TestSlowClients(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var now atomic.Int64
	all := newClients(l)
	all.now = func() time.Duration { return time.Duration(now.Load()) }
	asked := make(chan struct{})
	server := &http.Server{ConnState: noteState, ConnContext: withClient, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			return
		}
		understood(r)
		if r.URL.Path == "/much" {
			asked <- struct{}{}
			for range 1 << 10 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}
		if r.URL.Path == "/long" {
			w.(http.Flusher).Flush()
			asked <- struct{}{}
			<-r.Context().Done()
		}
	})}
	go func() { _ = server.Serve(all) }()
	defer server.Close()
	open := func(text string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		return c
	}
	const head = " HTTP/1.1\r\nHost: localhost\r\n"
	slow := map[string]net.Conn{
		"says nothing": open(""), "says half a head": open("GET /" + head), "says half a body": open("POST /" + head + "Content-Length: 9\r\n\r\n{"),
	}
	slow["takes nothing"] = open("GET /much" + head + "\r\n")
	<-asked
	follows := open("GET /long" + head + "\r\n")
	<-asked
	idle := open("GET /" + head + "\r\n")
	one := make([]byte, 1)
	if _, err := idle.Read(one); err != nil {
		t.Fatal(err)
	}
	await(t, "all are in", func() bool {
		return count(all, func(c *client) bool { return c.waits }) == 4 && count(all, func(c *client) bool { return c.idle }) == 1
	})

	now.Store(int64(patience))
	all.closeSlow()
	if n := count(all, func(*client) bool { return true }); n != 6 {
		t.Errorf("within their patience: %d connections, want 6", n)
	}
	now.Store(int64(patience + time.Second))
	all.closeSlow()
	for what, c := range slow {
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("who %s: %v", what, err)
		}
	}
	if n := count(all, func(*client) bool { return true }); n != 2 {
		t.Errorf("%d connections are left, want the one that follows and the idle one", n)
	}
	_ = follows
}

// TestTooManyClients checks that the number of connections has a bound, and that idle
// ones, and those that have said nothing for longest, make room.
func TestTooManyClients(t *testing.T) {
	s := newClients(nil)
	for i := range maxConns {
		a, b := net.Pipe()
		defer b.Close()
		if !s.add(&client{Conn: a, of: s, idle: i == 7, waits: i < 3, since: time.Duration(9 - i)}) {
			t.Fatalf("connection %d was not let in", i)
		}
	}
	a, b := net.Pipe()
	defer b.Close()
	for _, what := range []string{"an idle connection", "one that waits", "another", "the last"} {
		if !s.add(&client{Conn: a, of: s}) {
			t.Errorf("%s made no room", what)
		}
		if newest := count(s, func(c *client) bool { return c.waits && c.since == 9 }); newest == 0 && what != "the last" {
			t.Errorf("%s has said nothing for longer than the one that made room", what)
		}
	}
	if s.add(&client{Conn: a, of: s}) {
		t.Error("one too many was let in")
	}
}

func count(s *clients, match func(*client) bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if match(c) {
			n++
		}
	}
	return n
}

// await waits until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for began := clock.RealNow(); clock.RealNow()-began < 10*time.Second; time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}
