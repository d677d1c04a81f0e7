package provider

import (
	"errors"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/drain"

	"github.com/google/go-cmp/cmp"
)

// escalate asks for the restart of a node.
func (w *nodeWorld) escalate(node string) api.Repair {
	w.t.Helper()
	rec, err := w.Escalate(w.t.Context(), w.replicas, node, "the kubelet hangs")
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}

// restarting makes a node whose reboot takes half a minute, during which its
// condition stays as it was: Ready.
func restarting(f *fakeNodes, name string) {
	f.change(name, func(n *fakeNode) { n.pods, n.cure = 3, reboot })
}

func TestEscalation(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		restarting(w.fakeNodes, "b")
		w.escalate("b")
		w.until(5 * time.Minute)
		if d := cmp.Diff([]string{"0:00 cordon b true", "0:00 reboot b", "0:35 cordon b false"}, w.logged("")); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		rec := w.one()
		if !cmp.Equal(actionsOf(rec), []string{"cordon", "drain", "reboot", "uncordon"}) || rec.Outcome != api.RepairHealed || rec.Healed.IsZero() ||
			rec.Layer != api.LayerEscalation || rec.Cause != "the customer asked for a restart: the kubelet hangs" || len(rec.Lost) != 1 {
			t.Errorf("record: %+v", rec)
		}
		want := []string{"escalated", "cordoning", "draining", "rebooting", "uncordoning", "restarted"}
		if d := cmp.Diff(want, w.verbs("node/b")); d != "" {
			t.Errorf("timeline (-want +got):\n%s", d)
		}
		if asked := w.noted("escalated"); len(asked) != 1 || !cmp.Equal(w.causes, []int64{rec.Event}) || rec.Event == 0 {
			t.Errorf("the cloud was told the causes %v, want event %d of %v", w.causes, rec.Event, asked)
		}
	})
}

func TestEscalationRespectsBudgets(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		restarting(w.fakeNodes, "b")
		w.change("b", func(n *fakeNode) {
			n.blocked = []drain.Blocked{{Pod: "shop/web-1", Reason: "Cannot evict pod as it would violate the pod's disruption budget."}}
		})
		w.escalate("b")
		w.until(10 * time.Minute)
		if _, err := w.Escalate(w.t.Context(), w.replicas, "b", ""); err == nil || !strings.Contains(err.Error(), "being restarted already") {
			t.Errorf("a second escalation: %v", err)
		}
		w.until(29 * time.Minute)
		if got := w.logged("reboot"); len(got) != 0 {
			t.Errorf("rebooted before the drain's time was over: %q", got)
		}
		w.until(32 * time.Minute)
		if d := cmp.Diff([]string{"30:00 reboot b", "30:35 cordon b false"}, w.logged("reboot", "false")); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		rec := w.one()
		if rec.Outcome != api.RepairHealed || !strings.HasPrefix(rec.Actions[1].Error, "PodDrainFailure: 1 pod left after 30m0s") ||
			!strings.Contains(rec.Actions[1].Error, "shop/web-1") {
			t.Errorf("record: %+v", rec)
		}
		if e := w.noted("waits to drain"); len(e) != 1 {
			t.Errorf("waits: %+v, want it said once", e)
		}
		w.escalate("b") // again, as the first has ended
	})
}

func TestEscalationGoesOnWhenABudgetAllowsIt(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		restarting(w.fakeNodes, "b")
		w.change("b", func(n *fakeNode) { n.blocked = []drain.Blocked{{Pod: "shop/web-1", Reason: "budget"}} })
		w.escalate("b")
		w.until(7 * time.Minute)
		w.change("b", func(n *fakeNode) { n.blocked = nil })
		w.until(9 * time.Minute)
		if d := cmp.Diff([]string{"7:05 reboot b"}, w.logged("reboot")); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

// A node that the customer has cordoned stays so.
func TestEscalationOfACordonedNode(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		restarting(w.fakeNodes, "b")
		w.change("b", func(n *fakeNode) { n.Unschedulable = true })
		w.escalate("b")
		w.until(5 * time.Minute)
		if got := w.logged("cordon"); len(got) != 0 || w.one().Outcome != api.RepairHealed {
			t.Errorf("cordons: %q, record %+v", got, w.one())
		}
	})
}

// A node whose kubelet is gone is not waited for, and auto-repair keeps away
// until the escalation has failed.
func TestEscalationOfABrokenNode(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		w.fail("b", "reimage")
		w.change("b", func(n *fakeNode) { n.pods = 3 })
		w.until(9 * time.Minute)
		w.escalate("b")
		w.until(24*time.Minute + 30*time.Second)
		list := w.Repairs(w.replicas)
		if len(list) != 2 || list[1].Outcome != api.RepairFailed || !strings.Contains(list[1].Reason, "not Ready 10m0s after the reboot") {
			t.Errorf("records: %+v", list)
		}
		w.until(26 * time.Minute)
		if d := cmp.Diff([]string{"9:02 reboot b", "19:05 cordon b false", "20:00 reboot b", "25:00 reimage b"}, w.logged("false", "reboot b", "reimage b")); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

func TestEscalationIsRefused(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		if _, err := w.Escalate(w.t.Context(), w.replicas, "x", ""); err == nil || !strings.Contains(err.Error(), `no node "x"`) {
			t.Errorf("unknown node: %v", err)
		}
		o := NewOperator(OperatorConfig{ControlPlane: &fakeControlPlane{}})
		if _, err := o.Escalate(w.t.Context(), w.replicas, "b", ""); err == nil {
			t.Error("no error without nodes")
		}
		w.change("b", func(n *fakeNode) { n.egress = "quota" })
		w.escalate("b")
		w.until(time.Minute)
		rec := w.one()
		if rec.Outcome != api.RepairFailed || !strings.Contains(rec.Reason, "refused the reboot: (VMExtensionProvisioningError)") ||
			len(rec.Actions) != 4 {
			t.Errorf("record: %+v", rec)
		}
	})
}

func TestEscalationOfADeletedNode(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		w.change("b", func(n *fakeNode) { n.blocked = []drain.Blocked{{Pod: "x/y", Reason: "budget"}} })
		w.escalate("b")
		w.until(time.Minute)
		w.mu.Lock()
		delete(w.nodes, "b")
		w.mu.Unlock()
		w.until(2 * time.Minute)
		if rec := w.one(); rec.Outcome != api.RepairWithdrawn || rec.Reason != deleted {
			t.Errorf("record: %+v", rec)
		}
	})
}

// While the API server is away no node is restarted with its pods on it.
func TestEscalationWaitsForTheAPIServer(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		restarting(w.fakeNodes, "b")
		w.change("b", func(n *fakeNode) { n.blocked = []drain.Blocked{{Pod: "x/y", Reason: "budget"}} })
		w.escalate("b")
		w.until(time.Minute)
		w.setAPI(errAPIServer)
		w.until(50 * time.Minute)
		w.mu.Lock()
		w.api, w.evict = nil, errors.New("etcdserver: request timed out")
		w.mu.Unlock()
		w.until(time.Hour)
		if got := w.logged("reboot"); len(got) != 0 {
			t.Errorf("while it is away: %q", got)
		}
		w.mu.Lock()
		w.evict = nil
		w.mu.Unlock()
		w.until(62 * time.Minute)
		if rec := w.one(); rec.Outcome != api.RepairHealed {
			t.Errorf("record: %+v", rec)
		}
	})
}

func TestEscalationOutlivesItsLeader(t *testing.T) {
	for _, moment := range []string{"cordon true", "evict", "ask reboot", "accepted reboot", "cordon false"} {
		t.Run(moment, func(t *testing.T) {
			operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
				restarting(w.fakeNodes, "b")
				once := w.crashAt(moment)
				w.escalate("b")
				w.until(5 * time.Minute)
				if !crashed(once) {
					t.Fatal("the moment did not come")
				}
				rec := w.one()
				if !cmp.Equal(actionsOf(rec), []string{"cordon", "drain", "reboot", "uncordon"}) || rec.Outcome != api.RepairHealed || undone(rec) >= 0 {
					t.Errorf("record: %+v", rec)
				}
				if got := w.logged("reboot b"); len(got) != 1 {
					t.Errorf("reboots: %q, want one", got)
				}
				if w.nodes["b"].Unschedulable {
					t.Error("still cordoned")
				}
			})
		})
	}
}

// The drain's time, and the wait for the node, go on when the leader is lost.
func TestEscalationKeepsTimeWhileLeadersChange(t *testing.T) {
	for _, at := range []time.Duration{10 * time.Minute, 30*time.Minute + 10*time.Second} {
		operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
			restarting(w.fakeNodes, "b")
			w.change("b", func(n *fakeNode) { n.blocked = []drain.Blocked{{Pod: "x/y", Reason: "budget"}} })
			w.escalate("b")
			w.until(at)
			w.crash()
			w.until(35 * time.Minute)
			if d := cmp.Diff([]string{"30:00 reboot b", "30:35 cordon b false"}, w.logged("reboot", "false")); d != "" {
				t.Errorf("leader lost at %s (-want +got):\n%s", at, d)
			}
			if rec := w.one(); rec.Outcome != api.RepairHealed {
				t.Errorf("leader lost at %s: %+v", at, rec)
			}
		})
	}
}
