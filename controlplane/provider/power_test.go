package provider

import (
	"context"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/drain"

	"github.com/google/go-cmp/cmp"
)

func (f *fakePools) Deallocate(_ context.Context, cause int64) error {
	defer f.hook("deallocate")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.causes = append(f.causes, cause)
	f.did("deallocate")
	for _, n := range f.nodes {
		n.back = time.Time{}
	}
	return nil
}

func (f *fakePools) Allocate(_ context.Context, cause int64) error {
	defer f.hook("allocate")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.causes = append(f.causes, cause)
	f.did("allocate")
	for _, n := range f.nodes {
		if n.cure != "never" {
			n.back = time.Now().Add(30 * time.Second)
		}
	}
	return nil
}

func (f *fakePools) Delete(_ context.Context, node string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes[node].pods, f.nodes[node].blocked = 0, nil
	f.did("delete pods of %s", node)
	return nil
}

func (p *fakeControlPlane) PowerOff(context.Context) error {
	p.pools.hook("power off")
	p.pools.setAPI(gone{})
	p.pools.mu.Lock()
	defer p.pools.mu.Unlock()
	p.pools.did("control plane off")
	for _, n := range p.pools.nodes {
		n.Ready = false
	}
	return nil
}

func (p *fakeControlPlane) PowerOn(context.Context) error {
	p.pools.hook("power on")
	p.pools.setAPI(nil)
	p.pools.mu.Lock()
	defer p.pools.mu.Unlock()
	p.pools.did("control plane on")
	return nil
}

// power asks for a stop or a start that is not refused.
func (w *nodeWorld) power(ask func(context.Context, *Replicas) (api.Operation, error)) {
	w.t.Helper()
	if _, err := ask(w.t.Context(), w.replicas); err != nil {
		w.t.Fatal(err)
	}
}

// refused asks for something that is refused in some words, with AKS's code.
func (w *nodeWorld) refused(what string, err error, words string) {
	w.t.Helper()
	if !api.HasCode(err, "OperationNotAllowed") || !strings.Contains(err.Error(), words) {
		w.t.Errorf("%s: %v, want (OperationNotAllowed) … %s", what, err, words)
	}
}

func TestStopAndStart(t *testing.T) {
	f := newFakePools("a", "b")
	operatePools(t, f, func(w *nodeWorld) {
		ctx := w.t.Context()
		w.change("b", func(n *fakeNode) { n.Unschedulable = true }) // by the customer, before
		w.ledger.Find(Finding{Subject: "kube-scheduler"})
		_, err := w.StartCluster(ctx, w.replicas)
		w.refused("start of a cluster that runs", err, "Provisioning State(Succeeded) and Power State(Running), starting cannot be performed")
		w.power(w.StopCluster)
		_, err = w.StopCluster(ctx, w.replicas)
		w.refused("a second stop", err, "Another operation (Stopping) is in progress")
		if c := w.ManagedCluster(w.replicas); c.ProvisioningState != "Stopping" || c.PowerState.Code != api.PowerStopped {
			t.Errorf("while it stops: %+v", c)
		}
		w.until(time.Minute)
		if d := cmp.Diff([]string{"0:00 cordon a true", "0:00 cordon b true", "0:05 deallocate", "0:05 control plane off"}, w.logged("")); d != "" {
			t.Errorf("the stop (-want +got):\n%s", d)
		}
		c := w.ManagedCluster(w.replicas)
		if c.ProvisioningState != "Succeeded" || c.PowerState.Code != api.PowerStopped || !c.KeptUntil.Equal(c.Stopped.AddDate(1, 0, 0)) {
			t.Errorf("stopped: %+v", c)
		}

		// While it is stopped nothing is allowed, missed or out.
		_, err = w.StopCluster(ctx, w.replicas)
		w.refused("stop of a stopped cluster", err, "managed cluster is in Provisioning State(Succeeded) and Power State(Stopped), stopping cannot be performed")
		_, err = w.ScalePool(ctx, w.replicas, "p", 5)
		w.refused("scale", err, "Power State(Stopped)")
		_, err = w.Upgrade(ctx, w.replicas, api.UpgradeRequest{KubernetesVersion: "1.37"})
		w.refused("upgrade", err, "demarc aks start")
		_, err = w.Take(ctx, w.replicas)
		w.refused("backup", err, "Power State(Stopped)")
		_, err = w.RequestRestore(ctx, w.replicas, "")
		w.refused("restore", err, "Power State(Stopped)")
		_, err = w.Escalate(ctx, w.replicas, "a", "")
		w.refused("escalation", err, "Power State(Stopped)")
		w.until(5 * time.Hour)
		if open := w.ledger.subjects(); len(open) != 0 {
			t.Errorf("out while it is stopped: %q", open)
		}
		if n := len(w.noted("missed")) + len(w.noted("failed to back up")) + len(w.replicas.State().Repairs); n != 0 {
			t.Errorf("%d backups or repairs while it is stopped", n)
		}

		w.began = time.Now()
		w.log = nil
		w.power(w.StartCluster)
		w.until(10 * time.Minute)
		if d := cmp.Diff([]string{"0:00 allocate", "0:00 control plane on", "1:03 cordon a false"}, w.logged("")); d != "" {
			t.Errorf("the start (-want +got):\n%s", d)
		}
		if op := w.last(); op.State != api.OpSucceeded || op.PowerChange.Nodes[1].Ready.IsZero() {
			t.Errorf("start: %+v", op)
		}
		if c := w.ManagedCluster(w.replicas); c.PowerState.Code != api.PowerRunning || !c.Stopped.IsZero() {
			t.Errorf("started: %+v", c)
		}
		if d := cmp.Diff([]string{"started stop of", "is stopped", "started start of", "is running"}, w.verbs("cluster/c")); d != "" {
			t.Errorf("timeline (-want +got):\n%s", d)
		}
		if missed := w.noted("missed"); len(missed) != 0 {
			t.Errorf("missed: %+v", missed)
		}
		w.scaleTo(3) // is not refused any more
	})
}

// TestStopGoesOnByForce: what a budget protects ends when the time for the drain is over.
func TestStopGoesOnByForce(t *testing.T) {
	f := newFakePools("a")
	f.nodes["a"].pods, f.nodes["a"].blocked = 1, []drain.Blocked{{Pod: "shop/web-1", Reason: "budget"}}
	operatePools(t, f, func(w *nodeWorld) {
		w.power(w.StopCluster)
		w.until(29 * time.Minute)
		if e := w.noted("waits to drain"); len(e) != 1 || len(w.noted("is stopped")) != 0 {
			t.Errorf("before its time is over: %+v", e)
		}
		w.until(31 * time.Minute)
		if d := cmp.Diff([]string{"0:00 cordon a true", "30:00 delete pods of a", "30:00 deallocate", "30:00 control plane off"}, w.logged("")); d != "" {
			t.Errorf("the stop (-want +got):\n%s", d)
		}
	})
}

// TestPowerSurvivesLeaders: whoever leads goes on with a stop and with a start.
func TestPowerSurvivesLeaders(t *testing.T) {
	for _, when := range []string{"cordon true", "deallocate", "power off", "allocate", "power on", "cordon false"} {
		t.Run(when, func(t *testing.T) {
			f := newFakePools("a", "b")
			operatePools(t, f, func(w *nodeWorld) {
				once := w.crashAt(when)
				w.power(w.StopCluster)
				w.until(2 * time.Minute)
				if op := w.last(); op.State != api.OpSucceeded || !w.replicas.State().Off() {
					t.Errorf("stop: %+v", op)
				}
				w.power(w.StartCluster)
				w.until(10 * time.Minute)
				if op := w.last(); op.State != api.OpSucceeded || w.replicas.State().Resting() {
					t.Errorf("start: %+v", op)
				}
				if !crashed(once) {
					t.Errorf("never came to %s", when)
				}
			})
		})
	}
}

// TestStartWithoutANode: a node that does not come fails the start, and the others take pods.
func TestStartWithoutANode(t *testing.T) {
	f := newFakePools("a", "b")
	f.nodes["a"].cure = "never"
	operatePools(t, f, func(w *nodeWorld) {
		w.power(w.StopCluster)
		w.until(time.Minute)
		w.power(w.StartCluster)
		w.until(20 * time.Minute)
		if op := w.last(); !op.InProgress() || op.PowerChange.Nodes[1].Ready.IsZero() {
			t.Errorf("before its time is over: %+v", op)
		}
		w.until(40 * time.Minute)
		if op := w.last(); op.State != api.OpFailed || !strings.Contains(op.Error, "(VMExtensionProvisioningTimeout) node a is not Ready 30m0s after its VM was started") {
			t.Errorf("start: %+v", op)
		}
		if c := w.ManagedCluster(w.replicas); c.ProvisioningState != "Failed" || c.PowerState.Code != api.PowerRunning {
			t.Errorf("after it: %+v", c)
		}
	})
}
