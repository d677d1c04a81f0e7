package provider

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// actionsOf are the actions of a repair, with their errors.
func actionsOf(rec api.Repair) (list []string) {
	for _, a := range rec.Actions {
		list = append(list, strings.TrimSpace(a.Action+" "+a.Error))
	}
	return list
}

// one is the only repair, which must be there.
func (w *nodeWorld) one() api.Repair {
	w.t.Helper()
	list := w.Repairs(w.replicas)
	if len(list) != 1 {
		w.t.Fatalf("repairs: %+v, want one", list)
	}
	return list[0]
}

func TestAutoRepair(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		w.fail("b", "reimage")
		w.until(4 * time.Minute)
		if open := w.found(); len(open) != 0 {
			t.Errorf("open after 4 minutes: %v", open)
		}
		w.until(9 * time.Minute)
		if open := w.found(); !cmp.Equal(open, []string{"node/b"}) {
			t.Errorf("open after 9 minutes: %v", open)
		}
		w.until(20 * time.Minute)
		want := []string{
			"10:00 event b Warning NodeRebootStart: Node auto-repair is initiating a reboot action due to NotReady status persisting >5 minutes. Learn more: aka.ms/aks/node-auto-repair",
			"10:00 reboot b",
			"10:00 event b Normal NodeRebootEnd: Reboot action from node auto-repair has completed. Learn more: aka.ms/aks/node-auto-repair",
			"15:00 event b Warning NodeReimageStart: Node auto-repair is initiating a reimage action due to NotReady status persisting >5 minutes. Learn more: aka.ms/aks/node-auto-repair",
			"15:00 reimage b",
			"15:00 event b Normal NodeReimageEnd: Reimage action from node auto-repair has completed. Learn more: aka.ms/aks/node-auto-repair",
		}
		if d := cmp.Diff(want, w.logged("")); d != "" {
			t.Errorf("what the cloud saw (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]int64{77, 77}, w.causes); d != "" {
			t.Errorf("what it was told to be the cause (-want +got):\n%s", d)
		}
		got := w.one()
		wantRecord := api.Repair{
			Node: "b", Subject: "node/b", Cause: "its kernel panics", Event: 77, Layer: api.LayerAutoRepair, Outcome: api.RepairHealed,
			Lost: []string{"emptyDir of reboot", "emptyDir of reimage"}, DetectedAfterSeconds: 6 * 60, HealedAfterSeconds: 17 * 60,
		}
		if d := cmp.Diff(wantRecord, got, cmpopts.IgnoreFields(api.Repair{}, "ID", "Actions", "Broken", "Detected", "Healed")); d != "" {
			t.Errorf("record (-want +got):\n%s", d)
		}
		if open := w.found(); len(open) != 0 {
			t.Errorf("still open: %v", open)
		}
		for _, verb := range []timeline.Verb{"rebooting", "reimaging", "repaired"} {
			if e := w.noted(verb); len(e) != 1 || e[0].Subject != "node/b" || e[0].Cause != 77 || !strings.HasPrefix(e[0].Message, remediator) {
				t.Errorf("%s: %+v, want one event with its cause", verb, e)
			}
		}
	})
}

func TestAutoRepairGivesUpWhileEgressIsBlocked(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		w.change("b", func(n *fakeNode) { n.egress = "rule deny-out denies 443" })
		w.fail("b", "reboot")
		w.until(2 * time.Hour)
		rec := w.one()
		if rec.Outcome != api.RepairFailed || len(rec.Actions) != 9 || rec.Egress == "" ||
			!strings.Contains(rec.Reason, "(VMExtensionProvisioningError) rule deny-out denies 443") ||
			!strings.Contains(rec.Reason, "until the customer removes the rule") {
			t.Errorf("record: %+v", rec)
		}
		if e := w.logged("NodeRebootError"); len(e) != 3 ||
			!strings.Contains(e[0], "Warning NodeRebootError: Node auto-repair reboot action failed due to an operation failure. Learn more: aka.ms/aks/node-auto-repair-errors") {
			t.Errorf("events of errors: %q", e)
		}
		if e := w.noted("gave up on"); len(e) != 1 {
			t.Errorf("gave up: %+v, want it said once", e)
		}
		w.change("b", func(n *fakeNode) { n.egress = "" })
		w.until(2*time.Hour + 5*time.Minute)
		list := w.Repairs(w.replicas)
		if len(list) != 2 || list[0].Outcome != api.RepairFailed || list[1].Outcome != api.RepairHealed || len(list[1].Actions) != 1 {
			t.Errorf("after the rule was removed: %+v", list)
		}
	})
}

func TestAutoRepairSaysOnceWhyItDoesNot(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		w.change("b", func(n *fakeNode) { n.Shutdown = true })
		w.fail("b", "reboot")
		w.until(20 * time.Minute)
		w.crash()
		w.until(40 * time.Minute)
		if e := w.noted("does not repair"); len(e) != 1 || !strings.Contains(e[0].Message, "shutdown") {
			t.Errorf("noted: %+v, want once why", e)
		}
		if len(w.Repairs(w.replicas)) != 0 || len(w.found()) != 0 {
			t.Errorf("repairs %v, open %v", w.Repairs(w.replicas), w.found())
		}
		w.change("b", func(n *fakeNode) { n.Shutdown = false })
		w.until(42 * time.Minute)
		if got := w.logged("reboot b"); len(got) != 1 {
			t.Errorf("after its machine was started on purpose: %q, want a reboot", w.logged(""))
		}
	})
}

func TestAutoRepairOfNoNodeIfNoneIsReady(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b", "c"), func(w *nodeWorld) {
		for _, name := range []string{"a", "b", "c"} {
			w.fail(name, "")
		}
		w.until(30 * time.Minute)
		if open := w.found(); !cmp.Equal(open, []string{"nodes"}) {
			t.Errorf("open: %v, want one incident for all nodes", open)
		}
		w.heal("a")
		w.until(31 * time.Minute)
		if open := w.found(); len(open) != 0 {
			t.Errorf("open when one is Ready: %v", open)
		}
		w.heal("b")
		w.heal("c")
		w.until(40 * time.Minute)
		if got := w.logged(""); len(got) != 0 || len(w.Repairs(w.replicas)) != 0 {
			t.Errorf("done: %q", got)
		}
	})
}

// What the API server said before it was away, and right after, is not judged.
func TestAutoRepairWaitsForTheAPIServer(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b", "c"), func(w *nodeWorld) {
		w.fail("b", "reboot")
		w.until(9 * time.Minute)
		w.setAPI(errAPIServer)
		w.until(29*time.Minute + 30*time.Second)
		w.fail("c", "")
		w.change("c", func(n *fakeNode) { n.Since = w.began }) // stale: its kubelet has not been heard yet
		w.setAPI(nil)
		w.until(30 * time.Minute)
		w.heal("c")
		w.until(40 * time.Minute)
		if d := cmp.Diff([]string{"31:00 reboot b"}, w.logged("boot b", "boot c", "image")); d != "" {
			t.Errorf("actions (-want +got):\n%s", d)
		}
		if rec := w.one(); rec.Outcome != api.RepairHealed {
			t.Errorf("record: %+v", rec)
		}
	})
}

// A node that still seems Ready when the API server is back is not taken for
// healed.
func TestAutoRepairDoesNotTrustAReturn(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		w.fail("b", "reimage")
		w.until(11 * time.Minute)
		w.setAPI(errAPIServer)
		w.until(29*time.Minute + 50*time.Second)
		w.setAPI(nil)
		w.heal("b")
		w.until(30 * time.Minute)
		w.fail("b", "reimage")
		w.until(40 * time.Minute)
		if rec := w.one(); rec.Outcome != api.RepairHealed || !cmp.Equal(actionsOf(rec), []string{"reboot", "reimage"}) {
			t.Errorf("record: %+v", rec)
		}
	})
}

func TestAutoRepairWaitsForARestore(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		w.fail("b", "reboot")
		w.until(9 * time.Minute)
		rec := api.Restore{ID: "r", Phase: api.RestoreStarting, Lost: time.Now(), Decided: time.Now()}
		must(t, w.replicas.Apply(w.t.Context(), Restores.Put(rec)))
		w.until(14*time.Minute + 30*time.Second)
		if got := w.logged("reboot"); len(got) != 0 {
			t.Errorf("during the restore: %q", got)
		}
		rec.Phase = api.RestoreDone
		must(t, w.replicas.Apply(w.t.Context(), Restores.Put(rec)))
		w.until(17 * time.Minute)
		if d := cmp.Diff([]string{"16:00 reboot b"}, w.logged("reboot b")); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

// Whenever the leader crashes, each action is done once, and in time.
func TestAutoRepairOutlivesItsLeader(t *testing.T) {
	for _, moment := range []string{
		"event NodeRebootStart", "ask reboot", "accepted reboot", "event NodeRebootEnd", "event NodeReimageStart", "ask reimage", "accepted reimage",
	} {
		t.Run(moment, func(t *testing.T) {
			operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
				once := w.crashAt(moment)
				w.fail("b", "reimage")
				w.until(20 * time.Minute)
				if !crashed(once) {
					t.Fatal("the moment did not come")
				}
				got := w.logged("reboot b", "reimage b")
				if len(got) != 2 || !strings.HasSuffix(got[0], "reboot b") || !strings.HasSuffix(got[1], "reimage b") || !strings.HasPrefix(got[1], "15:") && !strings.HasPrefix(got[1], "16:") {
					t.Errorf("actions: %q, want each once", got)
				}
				rec := w.one()
				if rec.Outcome != api.RepairHealed || !cmp.Equal(actionsOf(rec), []string{"reboot", "reimage"}) || undone(rec) >= 0 {
					t.Errorf("record: %+v", rec)
				}
				if starts := w.logged("Start:"); len(starts) > 2 {
					t.Errorf("starts: %q", starts)
				}
			})
		})
	}
}

func TestAutoRepairKeepsTimeWhileLeadersChange(t *testing.T) {
	for _, at := range []time.Duration{2 * time.Minute, 7 * time.Minute, 12 * time.Minute} {
		operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
			w.fail("b", "redeploy")
			w.until(at)
			w.crash()
			w.until(25 * time.Minute)
			want := []string{"10:00 reboot b", "15:00 reimage b", "20:00 redeploy b"}
			if d := cmp.Diff(want, w.logged("reboot b", "reimage b", "redeploy b")); d != "" {
				t.Errorf("leader lost at %s (-want +got):\n%s", at, d)
			}
		})
	}
}

// A leader that is cut off, and does not know it yet, does nothing any more.
func TestAutoRepairByALeaderThatIsCutOff(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		w.fail("b", "reimage")
		w.until(9*time.Minute + 57*time.Second)
		leader, _ := w.replicas.Leader()
		must(t, w.replicas.Cut(leader))
		w.until(20 * time.Minute)
		must(t, w.replicas.Rejoin(leader))
		w.until(30 * time.Minute)
		got := w.logged("reboot b", "reimage b")
		if rec := w.one(); len(got) != 2 || rec.Outcome != api.RepairHealed || len(rec.Actions) != 2 {
			t.Errorf("actions %q, record %+v", got, rec)
		}
		if starts := w.logged("Start:"); len(starts) != 2 {
			t.Errorf("starts: %q, want one of each action", starts)
		}
	})
}

// Without an answer of the cloud an action is asked for again by the same key.
func TestAutoRepairAsksASilentCloudAgain(t *testing.T) {
	f := newFakeNodes("a", "b")
	operateNodes(t, f, func(w *nodeWorld) {
		asked := 0
		w.at = func(what string) {
			if what == "ask reboot" {
				if asked++; asked == 1 {
					time.Sleep(2 * askTimeout)
				}
			}
		}
		w.fail("b", "reboot")
		w.until(15 * time.Minute)
		rec := w.one()
		if asked != 2 || rec.Outcome != api.RepairHealed || !cmp.Equal(actionsOf(rec), []string{"reboot"}) {
			t.Errorf("asked %d times, record %+v", asked, rec)
		}
	})
}
