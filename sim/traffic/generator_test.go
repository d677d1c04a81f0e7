package traffic

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fakeNetwork answers, or fails, as the test says.
type fakeNetwork struct {
	err    error // of a dial
	silent bool  // accepts and never answers
	status int
	nodes  []string

	mu    sync.Mutex
	asked []string // where connections went
}

func (n *fakeNetwork) DialService(ctx context.Context, namespace, name string, port int32) (net.Conn, error) {
	return n.dial(ctx, fmt.Sprintf("lb %s/%s:%d", namespace, name, port))
}

func (n *fakeNetwork) Dial(ctx context.Context, node, address string) (net.Conn, error) {
	return n.dial(ctx, node+" "+address)
}

func (n *fakeNetwork) Port(_, _, name string) (int32, error) {
	if name == "missing" {
		return 0, errors.New("no such service")
	}
	return 80, nil
}

func (n *fakeNetwork) Nodes() []string                 { return n.nodes }
func (n *fakeNetwork) Backend(r *http.Response) string { return r.Header.Get("Pod") }

func (n *fakeNetwork) dial(ctx context.Context, where string) (net.Conn, error) {
	n.mu.Lock()
	n.asked = append(n.asked, where)
	n.mu.Unlock()
	if n.err != nil {
		return nil, n.err
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		r, err := http.ReadRequest(bufio.NewReader(server))
		if err != nil || n.silent {
			<-ctx.Done()
			time.Sleep(time.Second) // the client's deadline comes first
			return
		}
		fmt.Fprintf(server, "HTTP/1.1 %d X\r\nPod: default/%s\r\nContent-Length: 2\r\n\r\nok", n.status, strings.Trim(r.URL.Path, "/"))
	}()
	return client, nil
}

// drive runs one traffic for some seconds of virtual time.
func drive(t *testing.T, n *fakeNetwork, s Spec, seconds int) *Record {
	t.Helper()
	g := New(n)
	if err := g.Start(s); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second+time.Millisecond)
	defer cancel()
	g.Run(ctx)
	time.Sleep(2 * DefaultTimeout) // for what is under way
	r, _ := g.Record(s.Name)
	return r
}

func spec(from, to string) Spec { return Spec{Name: "shop", From: from, To: to, Rate: 1, Path: "/a"} }

func TestReasons(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	tests := []struct {
		name    string
		network *fakeNetwork
		want    string
		latency time.Duration
	}{
		{"answered", &fakeNetwork{status: 200}, "", 0},
		{"error status", &fakeNetwork{status: 503}, "HTTP 503", 0},
		{"refused", &fakeNetwork{err: refused}, "connection refused", 0},
		{"silent", &fakeNetwork{silent: true}, "i/o timeout", DefaultTimeout},
		{"no such host", &fakeNetwork{err: &net.DNSError{Err: "no such host", IsNotFound: true}}, "dns: no such host", 0},
		{"DNS times out", &fakeNetwork{err: &net.DNSError{Err: "read udp: i/o timeout", IsTimeout: true}}, "dns: i/o timeout", 0},
		{"DNS refused", &fakeNetwork{err: &net.DNSError{Err: "read udp: connection refused"}}, "dns: connection refused", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				results, _ := drive(t, tt.network, spec("outside", "service/shop"), 5).Results(time.Time{})
				if len(results) == 0 {
					t.Fatal("got no results")
				}
				if got := results[0]; got.Reason != tt.want || got.Latency != tt.latency {
					t.Errorf("got %q after %v, want %q after %v", got.Reason, got.Latency, tt.want, tt.latency)
				}
				if tt.want == "" && (results[0].Status != 200 || results[0].Backend != "default/a") {
					t.Errorf("got %+v, want status 200 of default/a", results[0])
				}
			})
		})
	}
}

func TestRateAndInstants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := spec("outside", "service/shop")
		s.Rate = 5
		time.Sleep(300 * time.Millisecond) // the first request waits for a whole second
		results, _ := drive(t, &fakeNetwork{status: 200}, s, 10).Results(time.Time{})
		if len(results) != 47 { // from 1 s to 10.2 s
			t.Errorf("got %d results, want 47: 5 a second from the next second on", len(results))
		}
		for i, r := range results[:10] {
			if got, want := r.Time.Nanosecond(), i%5*200_000_000; got != want {
				t.Errorf("request %d: got %d ns into the second, want %d", i, got, want)
			}
		}
	})
}

func TestClients(t *testing.T) {
	tests := []struct {
		name, from, to string
		nodes, want    []string
	}{
		{"outside", "outside", "service/prod/shop:8080", nil, []string{"lb prod/shop:8080", "lb prod/shop:8080"}},
		{"inside, in turn", "inside", "service/shop", []string{"n1", "n2"},
			[]string{"n2 shop.default.svc.cluster.local:80", "n1 shop.default.svc.cluster.local:80"}},
		{"inside, no machine", "inside", "service/shop", nil, nil},
		{"one node", "node/n2", "http://shop:81/x", []string{"n1", "n2"}, []string{"n2 shop:81", "n2 shop:81"}},
		{"a node that is off", "node/n3", "http://shop", []string{"n1"}, nil},
		{"default port of a URL", "node/n1", "http://shop", []string{"n1"}, []string{"n1 shop:80", "n1 shop:80"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &fakeNetwork{status: 200, nodes: tt.nodes}
				r := drive(t, n, spec(tt.from, tt.to), 2)
				if !slices.Equal(n.asked, tt.want) {
					t.Errorf("asked %q, want %q", n.asked, tt.want)
				}
				if got := r.Totals(time.Time{}).Sent; got != int64(len(tt.want)) {
					t.Errorf("recorded %d, want %d: a machine that is off asks nothing", got, len(tt.want))
				}
			})
		})
	}
}

func TestServiceThatDoesNotExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := drive(t, &fakeNetwork{nodes: []string{"n1"}}, spec("inside", "service/missing"), 3)
		if got := r.Totals(time.Time{}).Reasons["dns: no such host"]; got != 3 {
			t.Errorf("got %d failures for want of a name, want 3", got)
		}
	})
}

func TestStartAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(&fakeNetwork{status: 200})
		ctx, cancel := context.WithCancel(t.Context())
		go g.Run(ctx)
		s := spec("outside", "service/shop")
		if err := g.Start(s); err != nil {
			t.Fatal(err)
		}
		if err := g.Start(s); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("a second start: got %v, want an error", err)
		}
		time.Sleep(3500 * time.Millisecond)
		if err := g.Stop("shop"); err != nil {
			t.Fatal(err)
		}
		if err := g.Stop("shop"); err == nil {
			t.Error("a second stop: got no error")
		}
		time.Sleep(time.Hour)
		r, _ := g.Record("shop")
		if got := r.Totals(time.Time{}).Sent; got != 3 {
			t.Errorf("sent %d before the stop, want 3", got)
		}
		if len(g.Specs()) != 1 || len(g.Running()) != 0 {
			t.Errorf("got %d known and %d running, want 1 and 0", len(g.Specs()), len(g.Running()))
		}
		if err := g.Start(s); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2500 * time.Millisecond)
		if got := r.Totals(time.Time{}).Sent; got < 5 {
			t.Errorf("sent %d in all, want the record to go on", got)
		}
		cancel()
		synctest.Wait()
	})
}
