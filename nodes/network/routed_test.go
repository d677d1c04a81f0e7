package network

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// TestRoutes takes the routes to the pods of machines away: what other machines send there is
// lost, and what they answer.
func TestRoutes(t *testing.T) {
	const shop, service, port = "10.244.1.1:8080", "10.0.1.7:80", "10.224.0.4:30090"
	node, pod := Origin{Node: "n3"}, Origin{Node: "n3", Address: mustAddr("10.244.3.3")}
	for _, c := range []struct {
		name     string
		unrouted string
		from     Origin
		to       string
		lost     bool
	}{
		{"all have one", "", pod, shop, false},
		{"to a pod", "n1", node, shop, true},
		{"to a pod from its own node", "n1", Origin{Node: "n1"}, shop, false},
		{"and from a neighbour", "n1", Origin{Node: "n1", Address: mustAddr("10.244.1.9")}, shop, false},
		{"back to a pod", "n3", pod, shop, true},
		{"back to a node", "n3", node, shop, false},
		{"to a Service", "n1", pod, service, true},
		{"to a node port, masqueraded", "n3", pod, port, false},
		{"to a node port, and on to a pod of another node", "n1", Origin{Node: "n3"}, "10.224.0.5:30090", true},
		{"of another node", "n2", pod, shop, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFabric()
				f.pod("n1", "shop", "10.244.1.1", 8080)
				s := svc("shop", "10.0.1.7", func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 30090 })
				f.program([]*corev1.Service{s}, slice(s, 8080, ep("10.244.1.1", "n1")))
				f.unrouted = map[string]bool{c.unrouted: true}
				n := New(f, 1)
				conn, err := n.Dial(t.Context(), c.from, c.to)
				if (err != nil) != c.lost {
					t.Errorf("got %v, want lost %t", err, c.lost)
				}
				if err == nil {
					conn.Close()
				}
			})
		})
	}
}

// TestARouteIsLost takes the route away while a connection is open: the answer does not come.
func TestARouteIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, conn := dialShop(t)
		defer conn.Close()
		f.unrouted = map[string]bool{"n1": true}
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		if _, _, err := exchange(conn, false); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a timeout", err)
		}
	})
}
