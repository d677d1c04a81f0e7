package provider

import (
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/drain"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

func TestUpgrade(t *testing.T) {
	operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
		op := w.upgrade(api.UpgradeRequest{KubernetesVersion: "1.37", NodeSoak: api.Duration(5 * time.Minute)})
		w.until(time.Minute)
		if _, err := w.Upgrade(w.t.Context(), w.replicas, api.UpgradeRequest{Pool: "p", NodeImageOnly: true}); err == nil ||
			!strings.Contains(err.Error(), "Operation is not allowed: Another operation (Upgrading) is in progress") {
			t.Errorf("a second operation: %v", err)
		}
		w.until(30 * time.Minute)
		want := []string{
			"0:20 control plane 1.37.2",
			"0:20 add surge0",
			"2:20 event surge0 Normal Surge: Created a surge node [surge0 p] for agentpool p",
			"2:20 cordon a true",
			"2:20 event a Normal Drain: Draining node: [a]",
			"2:25 event a Normal Upgrade: Soak duration 5m0s after draining node: a",
			"7:25 reimage a 1.37.2 image-2",
			"10:25 cordon a false",
			"10:25 event a Normal Upgrade: Successfully reimaged node: a",
			"10:30 cordon b true",
			"10:30 event b Normal Drain: Draining node: [b]",
			"10:35 event b Normal Upgrade: Soak duration 5m0s after draining node: b",
			"15:35 reimage b 1.37.2 image-2",
			"18:35 cordon b false",
			"18:35 event b Normal Upgrade: Successfully reimaged node: b",
			"18:40 cordon surge0 true",
			"18:40 event surge0 Normal Drain: Draining node: [surge0]",
			"18:45 remove surge0",
		}
		if d := cmp.Diff(want, w.logged("")); d != "" {
			t.Errorf("what happened (-want +got):\n%s", d)
		}
		if got := w.last(); got.State != api.OpSucceeded || got.ID != op.ID || got.Error != "" {
			t.Errorf("operation: %+v", got)
		}
		c := w.replicas.State().Cluster
		if c.KubernetesVersion != "1.37.2" || c.Pools[0].KubernetesVersion != "1.37.2" || c.Pools[0].NodeImage != newImage {
			t.Errorf("cluster: %+v", c)
		}
		if d := cmp.Diff([]string{"started upgrade of", "upgraded"}, w.verbs("cluster/c")); d != "" {
			t.Errorf("timeline of the cluster (-want +got):\n%s", d)
		}
		start := w.noted("started upgrade of")[0]
		if start.Actor != timeline.Customer || !cmp.Equal(w.causes, []int64{start.Seq, start.Seq}) || w.noted("upgraded")[0].Cause != start.Seq {
			t.Errorf("started by %+v, causes %v: want the customer's start to be the cause of all", start, w.causes)
		}
		if w.nodes["a"].Upgrading || w.nodes["b"].Unschedulable {
			t.Error("nodes are left marked")
		}
	})
}

// Whatever moment the leader is lost at, the next one goes on, and does nothing
// again.
func TestUpgradeOutlivesLeaders(t *testing.T) {
	for _, moment := range []string{"upgrade kube-apiserver/0", "added", "cordon true", "evict", "reimage", "cordon false", "event Drain", "event Surge"} {
		t.Run(moment, func(t *testing.T) {
			operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
				once := w.crashAt(moment)
				w.upgrade(api.UpgradeRequest{KubernetesVersion: "1.37"})
				w.until(40 * time.Minute)
				if !crashed(once) {
					t.Fatal("the leader was never lost")
				}
				if got := w.last(); got.State != api.OpSucceeded {
					t.Errorf("operation: %+v", got)
				}
				for _, what := range []string{"control plane", "add surge", "reimage a", "reimage b", "remove surge"} {
					if got := slices.DeleteFunc(w.logged(what), func(s string) bool { return strings.Contains(s, "event") }); len(got) != 1 {
						t.Errorf("%s: %q, want once", what, got)
					}
				}
			})
		})
	}
}

func TestUpgradeBlockedByABudget(t *testing.T) {
	operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
		w.change("b", func(n *fakeNode) {
			n.blocked = []drain.Blocked{{Pod: "shop/web-1", Reason: "Cannot evict pod as it would violate the pod's disruption budget."}}
		})
		w.upgrade(api.UpgradeRequest{KubernetesVersion: "1.37"})
		w.until(34 * time.Minute)
		if got := w.last(); !got.InProgress() || got.Upgrade.Pools[0].Nodes[1].Blocked != "shop/web-1" {
			t.Errorf("before the drain's time is over: %+v", got)
		}
		w.until(40 * time.Minute)
		got := w.last()
		if got.State != api.OpFailed || !strings.HasPrefix(got.Error, "(UpgradeFailed) Drain node b failed when evicting pod shop/web-1 failed with Too Many Requests error. This is often caused") {
			t.Errorf("operation: %+v", got)
		}
		if w.nodes["surge0"] != nil || w.nodes["b"].Unschedulable || w.nodes["b"].Upgrading || w.nodes["a"].Version != "1.37.2" {
			t.Errorf("left behind: %+v", w.nodes)
		}
		if got := w.logged("Eviction blocked"); len(got) != 1 || !strings.Contains(got[0], "event b Warning Drain: Eviction blocked by Too Many Requests (usually a pdb): shop/web-1") {
			t.Errorf("events: %q", got)
		}
		w.change("b", func(n *fakeNode) { n.blocked = nil })
		w.upgrade(api.UpgradeRequest{KubernetesVersion: "1.37"})
		w.until(time.Hour)
		if got := w.last(); got.State != api.OpSucceeded || len(got.Upgrade.Pools[0].Nodes) != 1 || w.nodes["b"].Version != "1.37.2" {
			t.Errorf("run again: %+v, want the rest upgraded", got)
		}
	})
}

// A surge node that cannot be drained after a failure stays, and the next upgrade
// takes it over.
func TestFailedUpgradeLeavesASurgeNodeThatIsNeeded(t *testing.T) {
	f := newFakePools("a", "b")
	operatePools(t, f, func(w *nodeWorld) {
		w.change("b", func(n *fakeNode) { n.blocked = []drain.Blocked{{Pod: "shop/web-1", Reason: "budget"}} })
		w.upgrade(api.UpgradeRequest{KubernetesVersion: "1.37"})
		w.until(10 * time.Minute)
		w.change("surge0", func(n *fakeNode) { n.blocked = []drain.Blocked{{Pod: "shop/web-2", Reason: "budget"}} })
		w.until(50 * time.Minute)
		if w.last().State != api.OpFailed || w.nodes["surge0"] == nil {
			t.Fatalf("operation %+v, nodes %v", w.last(), w.nodes)
		}
		w.change("b", func(n *fakeNode) { n.blocked = nil })
		w.change("surge0", func(n *fakeNode) { n.blocked = nil })
		w.upgrade(api.UpgradeRequest{KubernetesVersion: "1.37"})
		w.until(70 * time.Minute)
		if w.last().State != api.OpSucceeded || w.nodes["surge0"] != nil || len(w.logged("add surge")) != 1 {
			t.Errorf("operation %+v, nodes %v, surge nodes %q", w.last(), w.nodes, w.logged("add surge"))
		}
	})
}

func TestUpgradesAreRefused(t *testing.T) {
	f := newFakePools("a", "b")
	f.budgets = []Budget{{Name: "shop/web"}, {Name: "shop/db", Unsatisfiable: true}}
	o := NewOperator(OperatorConfig{ControlPlane: &fakeControlPlane{}, Nodes: f, Cloud: f})
	cluster := Cluster{KubernetesVersion: "1.35.4", Pools: []Pool{{Name: "p", Count: 3, KubernetesVersion: "1.34.4"}}}
	tests := []struct {
		req  api.UpgradeRequest
		want string
	}{
		{api.UpgradeRequest{KubernetesVersion: "1.37"}, "(OperationNotAllowed) Upgrading Kubernetes version 1.35.4 to 1.37.2 is not allowed. Available upgrades: [1.36.3]."},
		{api.UpgradeRequest{KubernetesVersion: "1.34"}, "(OperationNotAllowed) Upgrading Kubernetes version 1.35.4 to 1.34.4 is not allowed."},
		{api.UpgradeRequest{KubernetesVersion: "1.40"}, "(K8sVersionNotSupported)"},
		{api.UpgradeRequest{Pool: "p", KubernetesVersion: "1.36"}, "(NodePoolMcVersionIncompatible) Node pool version 1.36.3 and control plane version 1.35.4 are incompatible."},
		{api.UpgradeRequest{Pool: "q"}, `no node pool "q"`},
		{api.UpgradeRequest{ControlPlaneOnly: true}, "has Kubernetes version 1.35.4 already"},
		{api.UpgradeRequest{Pool: "p", ControlPlaneOnly: true}, "no control plane"},
		{api.UpgradeRequest{KubernetesVersion: "1.36", NodeImageOnly: true}, "leave it out"},
		{api.UpgradeRequest{KubernetesVersion: "1.36", MaxSurge: "0"}, `max surge "0"`},
		{api.UpgradeRequest{KubernetesVersion: "1.36", MaxSurge: "101%"}, `max surge "101%"`},
		{api.UpgradeRequest{KubernetesVersion: "1.36", DrainTimeout: api.Duration(time.Minute)}, "from 5 minutes to 24 hours"},
		{api.UpgradeRequest{KubernetesVersion: "1.36", NodeSoak: api.Duration(time.Hour)}, "from 0 to 30 minutes"},
	}
	for _, tt := range tests {
		if _, err := o.planUpgrade(State{Cluster: cluster}, tt.req); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.req, err, tt.want)
		}
	}
	if err := o.checkBudgets(t.Context()); err == nil || !strings.Contains(err.Error(), "PDB shop/db has maxunavailble == 0 can't proceed with put operation") {
		t.Errorf("a budget that allows nothing: %v", err)
	}
}

// The control plane may not leave a pool more than three minor versions behind.
func TestPoolsHoldTheControlPlaneBack(t *testing.T) {
	old := Cluster{KubernetesVersion: "1.36.3", Pools: []Pool{{Name: "p", KubernetesVersion: "1.33.9"}}}
	if got := availableUpgrades(old); len(got) != 0 {
		t.Errorf("with a pool of 1.33: %v, want none", got)
	}
	old.Pools[0].KubernetesVersion = "1.34.4"
	if got := availableUpgrades(old); !slices.Equal(got, []string{"1.37.2"}) {
		t.Errorf("with a pool of 1.34: %v", got)
	}
	if got := poolUpgrades(old, old.Pools[0]); !slices.Equal(got, []string{"1.35.4", "1.36.3"}) {
		t.Errorf("the pool: %v", got)
	}
}

func TestSurge(t *testing.T) {
	for wanted, want := range map[string]int{"1": 1, "2": 2, "9": 5, "33%": 2, "1%": 1, "100%": 5, "0": 0, "-1": 0, "x": 0, "": 0, "5.5": 0} {
		got, err := surge(wanted, 5)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q of 5: got %d, %v; want %d", wanted, got, err, want)
		}
	}
}

// An upgrade is of the VMs: that the API server lists no nodes does not end it.
func TestUpgradeOfNodesThatAreNotListed(t *testing.T) {
	operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
		list := func(yes bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.unlisted = !yes
		}
		list(false)
		w.upgrade(api.UpgradeRequest{KubernetesVersion: "1.37"})
		w.until(time.Minute)
		if got := w.last(); !got.InProgress() {
			t.Errorf("without a list of nodes: %+v, want in progress", got)
		}
		list(true)
		w.until(30 * time.Minute)
		if got := w.last(); got.State != api.OpSucceeded || w.nodes["a"].Version != "1.37.2" || w.nodes["b"].Version != "1.37.2" {
			t.Errorf("operation %+v, nodes %+v and %+v: want both upgraded", got, w.nodes["a"].Node, w.nodes["b"].Node)
		}
	})
}
