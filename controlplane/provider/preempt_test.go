package provider

import (
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/drain"

	"github.com/google/go-cmp/cmp"
)

// spot makes the pool of a test one of priority Spot.
func (w *nodeWorld) spot() {
	w.t.Helper()
	c := w.replicas.State().Cluster
	c.Pools = append([]Pool{}, c.Pools...)
	c.Pools[0].PoolShape = api.PoolShape{Mode: api.ModeUser, Priority: api.PrioritySpot}
	if err := w.replicas.Apply(w.t.Context(), SetCluster(c)); err != nil {
		w.t.Fatal(err)
	}
}

// takeBack has Azure announce that it takes a VM back; tell says whether the node says so.
func (w *nodeWorld) takeBack(f *fakePools, node string, tell bool) {
	w.change(node, func(n *fakeNode) { n.EventScheduled = tell })
	f.mu.Lock()
	f.preempt = map[string]int64{node: 7}
	f.mu.Unlock()
	w.Preempted()
}

// gone ends that: the VM is no longer there.
func (w *nodeWorld) gone(f *fakePools, node string) {
	f.mu.Lock()
	f.preempt = nil
	delete(f.nodes, node)
	f.mu.Unlock()
	w.Preempted()
}

func TestPreemptedNodeIsDrained(t *testing.T) {
	f := newFakePools("a", "b")
	operatePools(t, f, func(w *nodeWorld) {
		w.spot()
		w.change("a", func(n *fakeNode) { n.pods, n.blocked = 1, []drain.Blocked{{Pod: "shop/web-1", Reason: "budget"}} })
		w.takeBack(f, "a", false)
		w.until(0)
		if got := w.logged(""); len(got) != 0 {
			t.Errorf("before the node tells of it: %q", got)
		}
		w.takeBack(f, "a", true)
		w.until(20 * time.Second)
		if d := cmp.Diff([]string{"0:02 remediate a true"}, w.logged("")); d != "" {
			t.Errorf("while a budget protects a pod (-want +got):\n%s", d)
		}
		if e := w.noted("draining"); len(e) != 1 || e[0].Subject != "node/a" || e[0].Cause != 7 {
			t.Errorf("timeline: %+v", e)
		}
		w.gone(f, "a")
		w.until(40 * time.Second)
		if got := w.replicas.State().Cluster.Pools[0].Count; got != 1 {
			t.Errorf("the pool has %d nodes, want 1", got)
		}
		if e := w.noted("noticed"); len(e) != 1 || e[0].Subject != "nodepool/p" {
			t.Errorf("timeline: %+v", e)
		}
	})
}

// TestPreemptedNodeThatStays is about one whose VM is deallocated and started again, and a
// leader that is lost meanwhile.
func TestPreemptedNodeThatStays(t *testing.T) {
	f := newFakePools("a", "b")
	operatePools(t, f, func(w *nodeWorld) {
		w.spot()
		w.takeBack(f, "a", true)
		w.until(0)
		w.crash()
		w.change("a", func(n *fakeNode) { n.EventScheduled, n.Ready = false, false })
		f.mu.Lock()
		f.preempt = nil
		f.mu.Unlock()
		w.until(30 * time.Second)
		w.Preempted()
		w.until(40 * time.Second)
		if d := cmp.Diff(2, len(w.logged("remediate a"))); d != "" {
			t.Errorf("the node is %+v after %q", f.nodes["a"].Node, w.logged(""))
		}
		if n := f.nodes["a"].Node; n.Remediated || n.Unschedulable || w.replicas.State().Cluster.Pools[0].Count != 2 {
			t.Errorf("the node is %+v", n)
		}
	})
}

func TestOtherPoolsKeepTheirNumber(t *testing.T) {
	f := newFakePools("a", "b")
	operatePools(t, f, func(w *nodeWorld) {
		w.gone(f, "a")
		w.until(10 * time.Second)
		if got := w.replicas.State().Cluster.Pools[0].Count; got != 2 {
			t.Errorf("the pool has %d nodes, want 2", got)
		}
		w.spot()
		w.scaleTo(3)
		w.Preempted()
		w.until(15 * time.Second)
		if got := w.replicas.State().Cluster.Pools[0].Count; got != 2 {
			t.Errorf("while it is scaled the pool has %d nodes, want 2", got)
		}
		w.until(4 * time.Minute)
		if got := w.replicas.State().Cluster.Pools[0].Count; got != 3 || w.last().State != api.OpSucceeded {
			t.Errorf("the pool has %d nodes, want 3; %+v", got, w.last())
		}
	})
}
