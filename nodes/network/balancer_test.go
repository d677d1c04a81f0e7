package network

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestHealthy(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(1_000_000_000+int64(s), 0) } // probes at :00, :05, …
	tests := []struct {
		name string
		c    change
		now  time.Time
		want bool
	}{
		{"always up", change{up: true, was: true}, at(0), true},
		{"always down", change{}, at(0), false},
		{"dead, no probe yet", change{at: at(1), was: true}, at(4), true},
		{"dead, one failure", change{at: at(1), was: true}, at(5), true},
		{"dead, two failures", change{at: at(1), was: true}, at(10), false},
		{"died just before a probe", change{at: at(4), was: true}, at(10), false},
		{"died at a probe", change{at: at(5), was: true}, at(14), true},
		{"back, no probe yet", change{up: true, at: at(21)}, at(24), false},
		{"back and probed", change{up: true, at: at(21)}, at(25), true},
		{"back before anybody noticed", change{up: true, at: at(3), was: true}, at(4), true},
		{"dead again before anybody noticed", change{at: at(22)}, at(23), false},
	}
	for _, tt := range tests {
		if got := healthy(tt.c, tt.now); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// outside asks the load balancer n times and counts what comes of it.
func outside(t *testing.T, n *Network, times int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range times {
		conn, err := n.DialService(within(t, time.Nanosecond), "default", "shop", 0)
		var ne net.Error
		switch {
		case err == nil:
			pod, _ := ask(t, conn)
			got[pod]++
		case errors.As(err, &ne) && ne.Timeout():
			got["timeout"]++
		default:
			got[err.Error()]++
		}
	}
	return got
}

func balanced(change ...func(*corev1.Service)) (*fabric, *Network) {
	f := newFabric()
	s, endpoints := shop(f, append([]func(*corev1.Service){loadBalancer("198.51.100.10")}, change...)...)
	f.program([]*corev1.Service{s}, endpoints)
	return f, New(f, 1)
}

func TestDeadNodeLeavesTheLoadBalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := balanced()
		if got := outside(t, n, 50); got["timeout"] != 0 || len(got) != 2 {
			t.Fatalf("all well: got %v, want both pods", got)
		}
		time.Sleep(time.Second)
		f.down["n3"] = true // it has no pod, but takes its share of connections
		rules := f.rules["n3"]
		delete(f.rules, "n3") // they were in its memory
		n.NodeChanged("n3", false)
		time.Sleep(8 * time.Second)
		if got := outside(t, n, 60); got["timeout"] < 8 || got["timeout"] > 32 {
			t.Errorf("before two probes have failed: got %v, want about 20 timeouts", got)
		}
		time.Sleep(time.Second)
		if got := outside(t, n, 60); got["timeout"] != 0 {
			t.Errorf("after two failures: got %v, want no timeout", got)
		}
		f.down["n3"] = false
		time.Sleep(10 * time.Second)
		if got := outside(t, n, 60); got["timeout"] != 0 || n.probes.note("n3", false, time.Now()) {
			t.Errorf("it has booted and has no rules yet: got %v, want it out", got)
		}
		f.rules["n3"] = rules
		n.NodeChanged("n3", true)
		time.Sleep(5 * time.Second)
		if got := n.probes.note("n3", true, time.Now()); !got {
			t.Error("back for 5 s: want it in again")
		}
	})
}

func TestAllNodesDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := balanced()
		for _, node := range f.nodes {
			f.down[node] = true
			n.NodeChanged(node, false)
		}
		if got := outside(t, n, 5); got["timeout"] != 5 {
			t.Errorf("got %v, want timeouts", got)
		}
	})
}

func TestExternalPolicyLocal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := balanced(localExternal)
		if got := outside(t, n, 60); got["default/shop-1"] < 15 || got["default/shop-2"] < 15 || len(got) != 2 {
			t.Errorf("got %v, want the two nodes with pods, half each", got)
		}
		f.rules["n1"] = &Rules{} // its kube-proxy knew of nothing when it was last told
		if got := outside(t, n, 20); got["default/shop-2"] != 20 {
			t.Errorf("got %v, want n2 alone", got)
		}
	})
}

func TestAffinityFromOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := balanced(func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP })
		if got := outside(t, n, 40); len(got) != 1 {
			t.Errorf("got %v, want one pod", got)
		}
	})
}

func TestNoLoadBalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFabric()
		s, endpoints := shop(f)
		f.program([]*corev1.Service{s}, endpoints)
		n := New(f, 1)
		for what, dial := range map[string]func() (net.Conn, error){
			"a ClusterIP service":           func() (net.Conn, error) { return n.DialService(t.Context(), "default", "shop", 80) },
			"a service that does not exist": func() (net.Conn, error) { return n.DialService(t.Context(), "default", "x", 0) },
		} {
			if _, err := dial(); err == nil || !strings.Contains(err.Error(), "no such host") {
				t.Errorf("%s: got %v, want no such host", what, err)
			}
		}
	})
}

// The load balancer knows what the newest rules say, whichever node has them.
func TestNewestRulesName(t *testing.T) {
	f, n := balanced()
	newest := f.rules["n3"]
	f.rules["n1"] = nil
	if got := n.newest(); got != newest {
		t.Error("a node without rules: want those of another")
	}
	later := BuildRules(nil, nil)
	f.rules["n2"] = later
	if got := n.newest(); got != later {
		t.Error("got older rules")
	}
	if _, err := n.DialService(t.Context(), "default", "shop", 0); err == nil {
		t.Error("the service was deleted: got a connection")
	}
	if port, err := n.FirstPort("n3", "default", "shop"); err != nil || port != 80 {
		t.Errorf("got %d, %v; want 80 as n3 has it", port, err)
	}
	if _, err := n.FirstPort("n1", "default", "shop"); err == nil {
		t.Error("no rules: got a port")
	}
}
