package provider

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/drain"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

// scaleTo asks for a number of nodes that is not refused.
func (w *nodeWorld) scaleTo(count int) api.Operation {
	w.t.Helper()
	op, err := w.ScalePool(w.t.Context(), w.replicas, "p", count)
	if err != nil {
		w.t.Fatal(err)
	}
	return op
}

func TestPoolScalesOut(t *testing.T) {
	operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
		op := w.scaleTo(4)
		w.until(time.Minute)
		if _, err := w.ScalePool(w.t.Context(), w.replicas, "p", 3); !api.HasCode(err, "OperationNotAllowed") || !strings.Contains(err.Error(), op.ID) ||
			!strings.Contains(err.Error(), "Operation is not allowed: Another operation (ScalingAgentPool) is in progress") {
			t.Errorf("a second operation: %v", err)
		}
		w.until(3 * time.Minute)
		if d := cmp.Diff([]string{"0:00 add surge0", "0:00 add surge1"}, w.logged("")); d != "" {
			t.Errorf("what happened (-want +got):\n%s", d)
		}
		got := w.last()
		if got.State != api.OpSucceeded || len(got.Scale.Added) != 2 || got.Scale.Added[1].Ready.IsZero() || w.replicas.State().Cluster.Pools[0].Count != 4 {
			t.Errorf("operation %+v, scale %+v, pools %+v", got, got.Scale, w.replicas.State().Cluster.Pools)
		}
		if d := cmp.Diff([]string{"started scaling of", "scaled"}, w.verbs("nodepool/p")); d != "" {
			t.Errorf("timeline (-want +got):\n%s", d)
		}
		if e := w.noted("started scaling of")[0]; e.Actor != timeline.Customer || w.noted("scaled")[0].Cause != e.Seq {
			t.Errorf("started by %+v, scaled because of %d", e, w.noted("scaled")[0].Cause)
		}
	})
}

// Each node has its SNAT ports, and the addresses have only so many.
func TestPoolNeedsPorts(t *testing.T) {
	operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
		settings := api.ClusterSettings{LoadBalancer: api.LoadBalancerProfile{AllocatedOutboundPorts: 32000}}
		if err := w.replicas.Apply(w.t.Context(), SetSettings(settings)); err != nil {
			t.Fatal(err)
		}
		const code = "InvalidLoadBalancerProfileAllocatedOutboundPorts"
		if _, err := w.ScalePool(w.t.Context(), w.replicas, "p", 3); !api.HasCode(err, code) {
			t.Errorf("a third node: %v", err)
		}
		if _, err := w.AddPool(w.t.Context(), w.replicas, shaped("q", api.ModeUser, 1)); !api.HasCode(err, code) {
			t.Errorf("another pool: %v", err)
		}
		settings.LoadBalancer.ManagedOutboundIPs = 2
		if err := w.replicas.Apply(w.t.Context(), SetSettings(settings)); err != nil {
			t.Fatal(err)
		}
		w.scaleTo(3)
	})
}

func TestPoolScalesIn(t *testing.T) {
	operatePools(t, newFakePools("a", "b", "c", "d"), func(w *nodeWorld) {
		w.change("d", func(n *fakeNode) { n.pods, n.blocked = 1, []drain.Blocked{{Pod: "shop/web-1", Reason: "budget"}} })
		w.change("c", func(n *fakeNode) { n.pods = 2 })
		w.scaleTo(2)
		w.until(7 * time.Minute)
		want := []string{"0:00 cordon d true", "0:00 cordon c true", "0:00 remove c"}
		if d := cmp.Diff(want, w.logged("")); d != "" {
			t.Errorf("while a budget protects a pod (-want +got):\n%s", d)
		}
		if e := w.noted("waits to drain"); len(e) != 1 || e[0].Subject != "node/d" {
			t.Errorf("waits: %+v, want it said once, of d", e)
		}
		w.change("d", func(n *fakeNode) { n.blocked = nil })
		w.until(8 * time.Minute)
		if got := w.logged("remove d"); len(got) != 1 || !strings.HasPrefix(got[0], "7:") {
			t.Errorf("after the budget allows it: %q", got)
		}
		if got := w.last(); got.State != api.OpSucceeded || w.replicas.State().Cluster.Pools[0].Count != 2 {
			t.Errorf("operation %+v, pools %+v", got, w.replicas.State().Cluster.Pools)
		}
	})
}

func TestScalingInFailsAtABudget(t *testing.T) {
	operatePools(t, newFakePools("a", "b", "c"), func(w *nodeWorld) {
		w.change("b", func(n *fakeNode) { n.blocked = []drain.Blocked{{Pod: "shop/web-1", Reason: "budget"}} })
		w.scaleTo(1)
		w.until(29 * time.Minute)
		if got := w.last(); !got.InProgress() {
			t.Errorf("before the drain's time is over: %+v", got)
		}
		w.until(31 * time.Minute)
		got := w.last()
		if got.State != api.OpFailed || got.Error != "(PodDrainFailure) Drain node b failed: 1 pod left after 30m0s, blocked by shop/web-1: budget" {
			t.Errorf("operation: %+v", got)
		}
		if w.nodes["b"] == nil || w.nodes["b"].Unschedulable || w.nodes["c"] != nil || w.replicas.State().Cluster.Pools[0].Count != 2 {
			t.Errorf("nodes %v, pools %+v; want b back and counted", w.nodes, w.replicas.State().Cluster.Pools)
		}
	})
}

func TestScalingOutFails(t *testing.T) {
	f := newFakePools("a")
	f.refusal = api.Coded("InvalidParameter", "no more")
	operatePools(t, f, func(w *nodeWorld) {
		w.scaleTo(2)
		w.until(time.Minute)
		if got := w.last(); got.State != api.OpFailed || got.Error != "(InvalidParameter) no more" || w.replicas.State().Cluster.Pools[0].Count != 1 {
			t.Errorf("refused by the cloud: %+v, pools %+v", got, w.replicas.State().Cluster.Pools)
		}
		f.mu.Lock()
		f.refusal = nil
		f.mu.Unlock()
		w.scaleTo(2)
		w.until(2 * time.Minute)
		w.change("surge0", func(n *fakeNode) { n.back = time.Time{} })
		w.until(33 * time.Minute)
		if got := w.last(); got.State != api.OpFailed || !strings.HasPrefix(got.Error, "(VMExtensionProvisioningTimeout) node surge0 is not Ready 30m0s") {
			t.Errorf("never Ready: %+v", got)
		}
	})
}

// Whatever moment the leader is lost at, the next one goes on, and does nothing
// again.
func TestScalingOutlivesLeaders(t *testing.T) {
	for moment, count := range map[string]int{"added": 4, "cordon true": 1, "evict": 1} {
		t.Run(moment, func(t *testing.T) {
			operatePools(t, newFakePools("a", "b", "c"), func(w *nodeWorld) {
				once := w.crashAt(moment)
				w.scaleTo(count)
				w.until(20 * time.Minute)
				if !crashed(once) {
					t.Fatal("the leader was never lost")
				}
				if got := w.last(); got.State != api.OpSucceeded || len(w.VMs(t)) != count {
					t.Errorf("operation %+v, nodes %v", got, w.VMs(t))
				}
				for _, what := range []string{"add surge", "remove b", "remove c"} {
					if got := w.logged(what); len(got) > 1 {
						t.Errorf("%s: %q, want once", what, got)
					}
				}
			})
		})
	}
}

// VMs are the names of the nodes.
func (w *nodeWorld) VMs(t *testing.T) (names []string) {
	t.Helper()
	list, err := w.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		names = append(names, n.Name)
	}
	return names
}

func TestPlanScale(t *testing.T) {
	c := Cluster{Pools: []Pool{{Name: "p", Count: 3}}}
	tests := []struct {
		name         string
		count        int
		vms, missing []string
		want         api.Scale // or else
		refusal      string
	}{
		{name: "out", count: 5, vms: []string{"a", "b", "c"}, want: api.Scale{Add: 2}},
		{name: "in, the newest first", count: 1, vms: []string{"a", "b", "c"}, want: api.Scale{Removed: []api.NodeUpgrade{{Name: "c"}, {Name: "b"}}}},
		{name: "one was deleted outside of AKS", count: 4, vms: []string{"a", "c"}, missing: []string{"b"}, want: api.Scale{Add: 2, Missing: []string{"b"}}},
		{name: "to what it should be", count: 3, vms: []string{"a", "c"}, missing: []string{"b"}, want: api.Scale{Add: 1, Missing: []string{"b"}}},
		{name: "to what it has", count: 2, vms: []string{"a", "c"}, missing: []string{"b"}, want: api.Scale{Missing: []string{"b"}}},
		{name: "an upgrade has left one", count: 3, vms: []string{"a", "b", "c", "d"}, want: api.Scale{Removed: []api.NodeUpgrade{{Name: "d"}}}},
		{name: "no change", count: 3, vms: []string{"a", "b", "c"}, refusal: "(InvalidParameter) The new node count is the same"},
		{name: "none", count: 0, refusal: "1 to 1000 nodes, not 0"},
		{name: "too many", count: 1001, refusal: "1 to 1000 nodes, not 1001"},
	}
	for _, tt := range tests {
		op, err := planScale(c, "p", tt.count, tt.vms, tt.missing)
		if tt.refusal != "" || err != nil {
			if err == nil || tt.refusal == "" || !strings.Contains(err.Error(), tt.refusal) {
				t.Errorf("%s: got error %v, want %q", tt.name, err, tt.refusal)
			}
			continue
		}
		tt.want.Pool, tt.want.From, tt.want.To = "p", 3, tt.count
		if d := cmp.Diff(tt.want, *op.Scale); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
	if _, err := planScale(c, "q", 1, nil, nil); err == nil || !strings.Contains(err.Error(), `no node pool "q"`) {
		t.Errorf("an unknown pool: %v", err)
	}
}
