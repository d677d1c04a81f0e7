package provider

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/drain"

	"github.com/google/go-cmp/cmp"
)

// shaped is a pool of a mode that can be added.
func shaped(name, mode string, count int) Pool {
	return Pool{Name: name, Count: count, PoolShape: api.PoolShape{}.WithDefaults(mode)}
}

// addPool asks for a pool that is not refused.
func (w *nodeWorld) addPool(p Pool) {
	w.t.Helper()
	if _, err := w.AddPool(w.t.Context(), w.replicas, p); err != nil {
		w.t.Fatal(err)
	}
}

func TestPoolIsAddedAndDeleted(t *testing.T) {
	operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
		w.addPool(shaped("q", api.ModeUser, 2))
		if c := w.replicas.State().Cluster; len(c.Pools) != 2 || c.Pools[1].KubernetesVersion != "1.36.3" || c.Pools[1].NodeImage != newImage {
			t.Errorf("at once: %+v", c.Pools)
		}
		w.until(4 * time.Minute)
		if d := cmp.Diff([]string{"0:00 set pool q User", "0:00 add surge0", "0:00 add surge1"}, w.logged("")); d != "" {
			t.Errorf("what happened (-want +got):\n%s", d)
		}
		if op := w.last(); op.State != api.OpSucceeded || op.Kind != api.OpCreatePool {
			t.Errorf("operation %+v", op)
		}
		w.change("surge1", func(n *fakeNode) { n.pods, n.blocked = 1, []drain.Blocked{{Pod: "shop/web-1", Reason: "budget"}} })
		if _, err := w.DeletePool(w.t.Context(), w.replicas, "q", false); err != nil {
			t.Fatal(err)
		}
		w.until(10 * time.Minute)
		if c := w.replicas.State().Cluster; len(c.Pools) != 2 || len(w.logged("delete pool")) != 0 {
			t.Errorf("while a budget protects a pod: %+v, %q", c.Pools, w.logged("delete pool"))
		}
		w.change("surge1", func(n *fakeNode) { n.blocked = nil })
		w.until(11 * time.Minute)
		if c := w.replicas.State().Cluster; len(c.Pools) != 1 || len(w.logged("delete pool q")) != 1 || w.last().State != api.OpSucceeded {
			t.Errorf("after it: %+v, %+v", c.Pools, w.last())
		}
		if d := cmp.Diff([]string{"started creation of", "created", "started deletion of", "deleted"}, w.verbs("nodepool/q")); d != "" {
			t.Errorf("timeline (-want +got):\n%s", d)
		}
	})
}

func TestBudgetsDoNotCountIfTheCustomerSaysSo(t *testing.T) {
	operatePools(t, newFakePools("a"), func(w *nodeWorld) {
		w.addPool(shaped("q", api.ModeUser, 1))
		w.until(4 * time.Minute)
		w.change("surge0", func(n *fakeNode) { n.pods, n.blocked = 1, []drain.Blocked{{Pod: "shop/web-1", Reason: "budget"}} })
		if _, err := w.DeletePool(w.t.Context(), w.replicas, "q", true); err != nil {
			t.Fatal(err)
		}
		w.until(5 * time.Minute)
		if op := w.last(); op.State != api.OpSucceeded || len(w.logged("delete pool q")) != 1 {
			t.Errorf("operation %+v", op)
		}
	})
}

func TestPoolIsUpdated(t *testing.T) {
	operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
		w.setAPI(errNoNodes)
		if _, err := w.UpdatePool(w.t.Context(), w.replicas, "p", func(s Pool) (Pool, error) {
			s.Taints = []string{"a=b:NoSchedule"}
			return s, nil
		}); err != nil {
			t.Fatal(err)
		}
		w.until(time.Minute)
		if got := w.last(); !got.InProgress() {
			t.Errorf("without an API server: %+v", got)
		}
		w.setAPI(nil)
		w.until(2 * time.Minute)
		if got := w.logged("shape a [a=b:NoSchedule]"); len(got) == 0 || w.last().State != api.OpSucceeded || len(w.replicas.State().Cluster.Pools[0].Taints) != 1 {
			t.Errorf("operation %+v, %q, pools %+v", w.last(), got, w.replicas.State().Cluster.Pools)
		}
	})
}

func TestPoolsThatCannotBe(t *testing.T) {
	operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
		newer := shaped("q", api.ModeUser, 1)
		newer.KubernetesVersion = "1.37"
		user := func(s Pool) (Pool, error) { s.Mode = api.ModeUser; return s, nil }
		for want, do := range map[string]func() error{
			"already exists": func() error { _, err := w.AddPool(w.t.Context(), w.replicas, shaped("p", api.ModeUser, 1)); return err },
			"1 to 1000 nodes": func() error {
				_, err := w.AddPool(w.t.Context(), w.replicas, shaped("q", api.ModeSystem, 0))
				return err
			},
			"not 1001": func() error {
				_, err := w.AddPool(w.t.Context(), w.replicas, shaped("q", api.ModeUser, 1001))
				return err
			},
			"is bigger than":     func() error { _, err := w.AddPool(w.t.Context(), w.replicas, newer); return err },
			"no node pool \"x\"": func() error { _, err := w.DeletePool(w.t.Context(), w.replicas, "x", false); return err },
			"There has to be at least one system agent pool": func() error { _, err := w.DeletePool(w.t.Context(), w.replicas, "p", true); return err },
			"at least one system agent pool.":                func() error { _, err := w.UpdatePool(w.t.Context(), w.replicas, "p", user); return err },
		} {
			if err := do(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
		if len(w.Operations(w.replicas)) != 0 || len(w.replicas.State().Cluster.Pools) != 1 {
			t.Errorf("something was begun: %+v", w.replicas.State())
		}
	})
}
