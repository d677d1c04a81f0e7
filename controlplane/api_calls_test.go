//go:build faketime

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// calledServer is an API server that is no more than a handler.
func calledServer(h http.HandlerFunc) *serverListener {
	l := newServerListener(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 6443}, &gate{})
	l.called.handler = h
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				return
			}
		}
	}()
	return l
}

// callers is a client of servers behind a front door, and the gate between them.
func callers(t *testing.T, servers ...*serverListener) (*apiCalls, *gate) {
	t.Helper()
	door := newFrontDoor(nil)
	for _, s := range servers {
		if err := door.attach(s); err != nil {
			t.Fatal(err)
		}
	}
	return door.calls(roleProvider, servers[0].addr, &caller{}), door.gate(roleProvider)
}

// answerOf asks for a path and reads what comes.
func answerOf(ctx context.Context, rt http.RoundTripper, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:6443"+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := rt.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func within(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func TestCallsAreRefused(t *testing.T) {
	s := calledServer(hello)
	x, _ := callers(t, s)
	if got, err := answerOf(t.Context(), x, "/"); got != "hello" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	door := newFrontDoor(nil)
	nobody := door.calls(roleProvider, s.addr, &caller{})
	_, err := answerOf(t.Context(), nobody, "/")
	if !utilnet.IsConnectionRefused(err) || err.Error() != "dial tcp 127.0.0.1:6443: connect: connection refused" {
		t.Errorf("no server: %v", err)
	}
	x.close()
	if _, err := answerOf(t.Context(), x, "/"); !utilnet.IsConnectionRefused(err) {
		t.Errorf("a client that was killed: %v", err)
	}
}

// TestCallsAreReset has requests under way when either side is killed.
func TestCallsAreReset(t *testing.T) {
	for name, kill := range map[string]func(*apiCalls, *serverListener){
		"server": func(_ *apiCalls, s *serverListener) { s.kill() },
		"client": func(x *apiCalls, _ *serverListener) { x.close() },
	} {
		var ended atomic.Int32
		s := calledServer(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			ended.Add(1)
		})
		x, _ := callers(t, s)
		errs := make(chan error)
		for _, path := range []string{"/whole", "/stream?watch=true"} {
			go func() {
				_, err := answerOf(t.Context(), x, path)
				errs <- err
			}()
		}
		time.Sleep(time.Second)
		kill(x, s)
		for range 2 {
			if err := <-errs; !utilnet.IsConnectionReset(err) {
				t.Errorf("%s killed: %v", name, err)
			}
		}
		time.Sleep(time.Second)
		if ended.Load() != 2 {
			t.Errorf("%s killed: %d of 2 requests have ended in the server", name, ended.Load())
		}
	}
}

// TestCallsWaitAtGates closes the gate between requests, during one and during a watch.
func TestCallsWaitAtGates(t *testing.T) {
	s := calledServer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			time.Sleep(5 * time.Second)
		}
		hello(w, r)
		if strings.Contains(r.URL.RawQuery, "watch") {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	})
	x, g := callers(t, s)
	took := func(path string, limit time.Duration) (time.Duration, error) {
		began := time.Now()
		_, err := answerOf(within(t, limit), x, path)
		return time.Since(began), err
	}
	if _, err := took("/", time.Second); err != nil {
		t.Fatal(err)
	}
	g.close()
	if d, err := took("/", 20*time.Second); !errors.Is(err, context.DeadlineExceeded) || d != 20*time.Second {
		t.Errorf("shut: %v after %v", err, d)
	}
	time.AfterFunc(7*time.Second, g.open)
	if d, err := took("/", time.Minute); err != nil || d != 7*time.Second {
		t.Errorf("shut for 7 s: %v after %v", err, d)
	}
	time.AfterFunc(time.Second, g.close)
	time.AfterFunc(9*time.Second, g.open)
	if d, err := took("/late", time.Minute); err != nil || d != 9*time.Second {
		t.Errorf("an answer that waits: %v after %v", err, d)
	}
	time.AfterFunc(time.Second, g.close)
	if d, err := took("/?watch=1", time.Hour); !utilnet.IsHTTP2ConnectionLost(err) || d != time.Second+apiKeepalive {
		t.Errorf("a watch: %v after %v", err, d)
	}
	if d, err := took("/", time.Hour); err == nil || err.Error() != "net/http: TLS handshake timeout" || d != handshakeTimeout {
		t.Errorf("a new connection: %v after %v", err, d)
	}
	g.open()
	if d, err := took("/", time.Second); err != nil || d != 0 {
		t.Errorf("open again: %v after %v", err, d)
	}
}

func TestCallsAreSlow(t *testing.T) {
	s := calledServer(func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "x")
			w.(http.Flusher).Flush()
		}
	})
	x, g := callers(t, s)
	if _, err := answerOf(t.Context(), x, "/"); err != nil {
		t.Fatal(err)
	}
	g.slow(2 * time.Second)
	s.gate.slow(time.Second)
	for path, want := range map[string]time.Duration{"/": 3 * time.Second, "/?watch=1": 12 * time.Second} {
		began := time.Now()
		got, err := answerOf(t.Context(), x, path)
		if d := time.Since(began); got != "xxx" || err != nil || d != want {
			t.Errorf("%s: %q, %v after %v, want %v", path, got, err, d, want)
		}
	}
}

// TestCallsFindALivingServer ends one server after the other, one of them in good order.
func TestCallsFindALivingServer(t *testing.T) {
	var servers []*serverListener
	for i := range 3 {
		servers = append(servers, calledServer(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, i)
			if r.URL.RawQuery != "" {
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
		}))
	}
	x, _ := callers(t, servers...)
	first, err := answerOf(t.Context(), x, "/")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if again, _ := answerOf(t.Context(), x, "/"); again != first {
			t.Errorf("server %s has the client's connection, and %s answers", first, again)
		}
	}
	watched := make(chan error)
	go func() {
		_, err := answerOf(t.Context(), x, "/?watch=1")
		watched <- err
	}()
	time.Sleep(time.Second)
	x.conn.server.Close()
	second, err := answerOf(t.Context(), x, "/")
	if err != nil || second == first {
		t.Errorf("server %s ends in good order: %s, %v", first, second, err)
	}
	select {
	case err := <-watched:
		t.Errorf("a watch has not outlasted the end of new requests: %v", err)
	case <-time.After(time.Minute):
	}
	for _, s := range servers {
		s.kill()
	}
	if err := <-watched; !utilnet.IsConnectionReset(err) {
		t.Errorf("the watch: %v", err)
	}
}

// TestCallsOfASlowReader has a server write more than anybody reads.
func TestCallsOfASlowReader(t *testing.T) {
	var wrote atomic.Int64
	s := calledServer(func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 64<<10); wrote.Load() < 3*maxUnread; {
			n, err := w.Write(chunk)
			if err != nil {
				return
			}
			wrote.Add(int64(n))
		}
	})
	x, _ := callers(t, s)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://127.0.0.1:6443/?watch=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := x.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	if n := wrote.Load(); n > maxUnread {
		t.Errorf("%d bytes were written for a reader that reads nothing, want at most %d", n, maxUnread)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil || int64(len(b)) != wrote.Load() {
		t.Errorf("%d of %d bytes were read, %v", len(b), wrote.Load(), err)
	}
	before := wrote.Swap(0)
	if resp, err = x.RoundTrip(r); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	resp.Body.Close()
	time.Sleep(time.Minute)
	if n := wrote.Load(); n >= before {
		t.Errorf("the server wrote all %d bytes for a reader that went away", n)
	}
}

func TestCallsThatPanic(t *testing.T) {
	for _, value := range []any{http.ErrAbortHandler, "a bug"} {
		s := calledServer(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/well" {
				panic(value)
			}
		})
		x, _ := callers(t, s)
		for _, path := range []string{"/", "/?watch=1"} {
			if _, err := answerOf(t.Context(), x, path); !utilnet.IsConnectionReset(err) {
				t.Errorf("%v: %s: %v", value, path, err)
			}
		}
		if _, err := answerOf(t.Context(), x, "/well"); err != nil {
			t.Errorf("%v: the next request: %v", value, err)
		}
	}
}

// TestCallsBringNothingOfTheClient: neither its context's values nor its headers are the
// server's, whatever either of them does to them.
func TestCallsBringNothingOfTheClient(t *testing.T) {
	type key struct{}
	s := calledServer(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("X-Own")
		_, _ = fmt.Fprint(w, r.Context().Value(key{}), r.URL.Host, r.URL.Scheme, r.RequestURI, r.RemoteAddr)
	})
	x, _ := callers(t, s)
	r, err := http.NewRequestWithContext(context.WithValue(t.Context(), key{}, "leaks"), http.MethodGet, "https://127.0.0.1:6443/a%2Fb?c=d", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Own", "kept")
	resp, err := x.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	if want := "<nil>" + "/a%2Fb?c=d" + "127.0.0.1:0"; string(b) != want || r.Header.Get("X-Own") != "kept" {
		t.Errorf("the server sees %q, want %q; the client has the headers %v", b, want, r.Header)
	}
}

// TestCallsArePatient asks without a pause until time has passed.
func TestCallsArePatient(t *testing.T) {
	x := calledServer(hello).loopback()
	began, asked := time.Now(), 0
	for ; time.Since(began) == 0; asked++ {
		if _, err := answerOf(t.Context(), x, "/"); err != nil {
			t.Fatal(err)
		}
	}
	if want := loopbackCalls + 1; asked != want {
		t.Errorf("%d requests in one instant, want %d", asked, want)
	}
}
