package network

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestAddresses(t *testing.T) {
	f := newFabric()
	s, endpoints := shop(f)
	f.program([]*corev1.Service{s}, endpoints)
	conn, err := New(f, 1).Dial(t.Context(), Origin{Node: "n3"}, "10.244.1.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.RemoteAddr().String(); got != "10.244.1.1:8080" {
		t.Errorf("remote: got %s", got)
	}
	if _, body := ask(t, conn); !strings.HasPrefix(body, "from 10.224.0.6:") {
		t.Errorf("got %q, want the address of n3", body)
	}
}

// dialShop is a fabric with a shop, and a connection from n3 to its first pod, on n1.
func dialShop(t *testing.T) (*fabric, net.Conn) {
	t.Helper()
	f := newFabric()
	s, endpoints := shop(f)
	f.program([]*corev1.Service{s}, endpoints)
	conn, err := New(f, 1).Dial(t.Context(), Origin{Node: "n3"}, "10.244.1.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	return f, conn
}

// A connection that is kept breaks when its container ends.
func TestKeptConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, conn := dialShop(t)
		defer conn.Close()
		for range 2 {
			if pod, _, err := exchange(conn, false); err != nil || pod != "default/shop-1" {
				t.Fatalf("got %s, %v", pod, err)
			}
		}
		f.pods[mustAddr("10.244.1.1")].stopped = true
		if _, _, err := exchange(conn, false); err == nil {
			t.Error("the container has ended: got an answer")
		}
	})
}

// Nothing gets through a network that failed meanwhile: no answer, and no word that the
// connection ended, as it does with all containers of a machine that loses its power.
func TestPathFailsMeanwhile(t *testing.T) {
	for name, lost := range map[string]func(f *fabric, pod *fakePod){
		"while it answers": func(f *fabric, pod *fakePod) {
			pod.handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				time.Sleep(time.Second)
				f.down["n1"] = true
			})
		},
		"while it answers, and the container ends": func(f *fabric, pod *fakePod) {
			pod.handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				f.down["n1"] = true
				panic(http.ErrAbortHandler)
			})
		},
		"before it hears of the request": func(f *fabric, pod *fakePod) {
			f.down["n1"], pod.stopped = true, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, conn := dialShop(t)
				defer conn.Close()
				lost(f, f.pods[mustAddr("10.244.1.1")])
				start := time.Now()
				_ = conn.SetDeadline(start.Add(3 * time.Second)) // pipes take deadlines
				if _, _, err := exchange(conn, false); err == nil || time.Since(start) != 3*time.Second {
					t.Errorf("got %v after %v, want a timeout after 3 s", err, time.Since(start))
				}
			})
		})
	}
}

// One request as traffic sends it: dial, request, response, close.
func BenchmarkRequest(b *testing.B) {
	f := newFabric()
	s, endpoints := shop(f, loadBalancer("198.51.100.10"))
	dns, dnsSlice := f.dns("n2")
	f.program([]*corev1.Service{s, dns}, endpoints, dnsSlice)
	n := New(f, 1)
	b.Run("outside", func(b *testing.B) {
		for b.Loop() {
			conn, err := n.DialService(b.Context(), "default", "shop", 0)
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := exchange(conn, true); err != nil {
				b.Fatal(err)
			}
			conn.Close()
		}
	})
	b.Run("inside", func(b *testing.B) {
		for b.Loop() {
			conn, err := n.Dial(b.Context(), Origin{Node: "n3"}, "shop.default.svc.cluster.local:80")
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := exchange(conn, true); err != nil {
				b.Fatal(err)
			}
			conn.Close()
		}
	})
}
