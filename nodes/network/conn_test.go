package network

import (
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

// A connection that is kept breaks when its container ends.
func TestKeptConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFabric()
		s, endpoints := shop(f)
		f.program([]*corev1.Service{s}, endpoints)
		conn, err := New(f, 1).Dial(t.Context(), Origin{Node: "n3"}, "10.244.1.1:8080")
		if err != nil {
			t.Fatal(err)
		}
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

// An answer does not get through a network that failed meanwhile.
func TestPathFailsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFabric()
		s, endpoints := shop(f)
		f.program([]*corev1.Service{s}, endpoints)
		f.pods[mustAddr("10.244.1.1")].handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			f.down["n1"] = true
		})
		conn, err := New(f, 1).Dial(t.Context(), Origin{Node: "n3"}, "10.244.1.1:8080")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		start := time.Now()
		_ = conn.SetDeadline(start.Add(3 * time.Second)) // pipes take deadlines
		if _, _, err := exchange(conn, false); err == nil || time.Since(start) != 3*time.Second {
			t.Errorf("got %v after %v, want a timeout after 3 s", err, time.Since(start))
		}
	})
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
