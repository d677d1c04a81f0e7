package network

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestHealthy(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(1_000_000_000+int64(s), 0) } // probes at :00, :05, …
	down := func(s int) change { return change{at: at(s)} }
	up := func(s int) change { return change{true, at(s)} }
	always, never := change{up: true}, change{}
	tests := []struct {
		name string
		h    history
		now  time.Time
		want bool
	}{
		{"always up", history{always}, at(0), true},
		{"always down", history{never}, at(0), false},
		{"dead, no probe yet", history{always, down(1)}, at(4), true},
		{"dead, one failure", history{always, down(1)}, at(5), true},
		{"dead, two failures", history{always, down(1)}, at(10), false},
		{"died just before a probe", history{always, down(4)}, at(10), false},
		{"died at a probe", history{always, down(5)}, at(14), true},
		{"back, no probe yet", history{never, up(21)}, at(24), false},
		{"back and probed", history{never, up(21)}, at(25), true},
		{"back before anybody noticed", history{always, down(1), up(3)}, at(4), true},
		{"dead again before anybody noticed", history{never, up(21), down(22)}, at(23), false},
		{"dead for long, and back for a moment", history{always, down(1), up(61)}, at(62), false},
	}
	probe := Probe{Interval: 5 * time.Second, Threshold: 2}
	for _, tt := range tests {
		if got := probe.healthy(tt.h, tt.now); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
	slow := Probe{Interval: 20 * time.Second, Threshold: 3}
	if died := (history{always, down(1)}); !slow.healthy(died, at(59)) || slow.healthy(died, at(60)) {
		t.Error("a probe every 20 s with three failures: want the node out after a minute")
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
		tcp := Probe{Interval: 5 * time.Second, Threshold: 2}
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
		if got := outside(t, n, 60); got["timeout"] != 0 || tcp.healthy(n.probes.note("n3", false, time.Now()), time.Now()) {
			t.Errorf("it has booted and has no rules yet: got %v, want it out", got)
		}
		f.rules["n3"] = rules
		n.NodeChanged("n3", true)
		time.Sleep(5 * time.Second)
		if got := tcp.healthy(n.probes.note("n3", true, time.Now()), time.Now()); !got {
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
		f, n := balanced(localExternal, func(s *corev1.Service) { s.Spec.HealthCheckNodePort = 31000 })
		f.balanced.Probe = Probe{Name: "health", Port: 31000, Path: "/healthz", Interval: 5 * time.Second, Threshold: 2}
		if got := outside(t, n, 60); got["default/shop-1"] < 15 || got["default/shop-2"] < 15 || len(got) != 2 {
			t.Errorf("got %v, want the two nodes with pods, half each", got)
		}
		f.rules["n1"] = &Rules{} // its kube-proxy knew of nothing when it was last told
		time.Sleep(6 * time.Second)
		if got := outside(t, n, 40); got["default/shop-2"] < 10 || got["timeout"] < 10 {
			t.Errorf("before the probes have noticed: got %v, want half of them lost", got)
		}
		time.Sleep(10 * time.Second)
		if got := outside(t, n, 20); got["default/shop-2"] != 20 {
			t.Errorf("got %v, want n2 alone", got)
		}
	})
}

// A probe by HTTP wants 200 from what is behind the node port; no probe means all nodes.
func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := balanced()
		f.balanced.Probe = Probe{Name: "web", Port: 30080, Path: "/missing", Interval: 5 * time.Second, Threshold: 2}
		for _, p := range f.pods {
			p.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/missing" {
					w.WriteHeader(http.StatusNotFound)
				}
			})
		}
		if got := outside(t, n, 5); got["timeout"] != 5 {
			t.Errorf("the probe's path is not there: got %v, want timeouts", got)
		}
		f.balanced.Probe.Name, f.balanced.Probe.Path = "web2", "/"
		if got := outside(t, n, 5); got["timeout"] != 0 {
			t.Errorf("the probe's path is there: got %v, want answers", got)
		}
	})
}

// What the load balancer has no rule for, and what is internal, is not there for clients outside.
func TestNoRuleAndInternal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := balanced()
		f.unruled = []uint16{80}
		if got := outside(t, n, 5); got["timeout"] != 5 {
			t.Errorf("no rule: got %v, want timeouts", got)
		}
		if healthy, of := n.Frontends("default", "shop"); healthy != 0 || of != 3 {
			t.Errorf("no rule: got %d of %d, want none of 3", healthy, of)
		}
		f.unruled, f.balanced.Internal = nil, true
		if got := outside(t, n, 5); got["timeout"] != 5 {
			t.Errorf("internal: got %v, want timeouts", got)
		}
		conn, err := n.Dial(within(t, time.Second), Origin{Node: "n3"}, "198.51.100.10:80")
		if err != nil {
			t.Fatalf("internal, from a node: %v", err)
		}
		ask(t, conn)
		if healthy, of := n.Frontends("default", "shop"); healthy != 3 || of != 3 {
			t.Errorf("internal: got %d of %d, want all", healthy, of)
		}
	})
}

// kube-proxy lets nobody to a load balancer's address but whom loadBalancerSourceRanges name.
func TestSourceRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for ranges, want := range map[string]string{"198.51.100.0/24": "timeout", "203.0.113.0/24": ""} {
			_, n := balanced(func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = []string{ranges} })
			if got := outside(t, n, 5); (got["timeout"] == 5) != (want == "timeout") {
				t.Errorf("%s: got %v", ranges, got)
			}
			if _, err := n.Dial(within(t, time.Second), Origin{Node: "n3"}, "198.51.100.10:80"); err == nil {
				t.Errorf("%s: a node comes to the frontend", ranges)
			}
			if conn, err := n.Dial(within(t, time.Second), Origin{Node: "n3"}, "10.0.0.1:80"); err != nil && !strings.Contains(err.Error(), "timeout") {
				t.Errorf("%s: %v", ranges, err)
			} else if err == nil {
				conn.Close()
			}
		}
	})
}

func TestAffinityFromOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := balanced(func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP })
		f.balanced.ByClient = true
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
