package provider

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// configure changes what the customer has set.
func (w *nodeWorld) configure(s api.ClusterSettings) {
	w.t.Helper()
	if err := w.replicas.Apply(w.t.Context(), SetSettings(s)); err != nil {
		w.t.Fatal(err)
	}
	w.Maintain()
}

// windowIn is a window of four hours every day, the first of which opens after d, at a whole
// minute, and d itself.
func windowIn(d time.Duration) map[string]api.MaintenanceConfiguration {
	opens := time.Now().Add(d)
	m := api.MaintenanceConfiguration{
		Name: api.MaintenanceNodeOSUpgrade, ScheduleType: api.ScheduleDaily, IntervalDays: 1, DurationHours: 4,
		StartTime: opens.UTC().Format("15:04"), StartDate: opens.UTC().Format(time.DateOnly),
	}
	return map[string]api.MaintenanceConfiguration{m.Name: m}
}

func TestNodeImageIsUpgradedInItsWindow(t *testing.T) {
	operatePools(t, newFakePools("a"), func(w *nodeWorld) {
		w.configure(api.ClusterSettings{NodeOSChannel: api.NodeOSImage, Maintenance: windowIn(10 * time.Hour)})
		w.until(10*time.Hour - 10*time.Second)
		if got := w.Operations(w.replicas); len(got) != 0 {
			t.Errorf("before the window: %+v", got)
		}
		w.until(10 * time.Hour)
		op := w.last()
		if op.Channel != "node-os-upgrade-channel NodeImage" || op.Kind != api.OpUpgradeCluster || op.Upgrade.From != op.Upgrade.To {
			t.Errorf("when the window opens: %+v", op)
		}
		if e := w.noted("started upgrade of"); len(e) != 1 || e[0].Actor != timeline.Provider || !strings.Contains(e[0].Message, "by node-os-upgrade-channel NodeImage") {
			t.Errorf("on the timeline: %+v", e)
		}
		w.until(72 * time.Hour)
		if got := w.Operations(w.replicas); len(got) != 1 || got[0].State != api.OpSucceeded || w.nodes["a"].Image != newImage {
			t.Errorf("in the end: %+v", got)
		}
	})
}

func TestChannelUpgradesVersionByVersion(t *testing.T) {
	operatePools(t, newFakePools("a"), func(w *nodeWorld) {
		w.configure(api.ClusterSettings{UpgradeChannel: api.ChannelStable})
		w.until(48 * time.Hour)
		if got := w.Operations(w.replicas); len(got) != 0 {
			t.Errorf("stable has nothing newer: %+v", got)
		}
		w.configure(api.ClusterSettings{UpgradeChannel: api.ChannelRapid})
		w.until(96 * time.Hour)
		got := w.Operations(w.replicas)
		if len(got) != 1 || got[0].Upgrade.To != "1.37.2" || got[0].State != api.OpSucceeded || got[0].Began.Hour() >= 4 {
			t.Errorf("rapid, without a maintenance configuration: %+v", got)
		}
	})
}

// What a budget forbids fails, once in each window.
func TestChannelIsRefusedByABudget(t *testing.T) {
	pools := newFakePools("a")
	pools.budgets = []Budget{{Name: "default/db", Unsatisfiable: true}}
	operatePools(t, pools, func(w *nodeWorld) {
		w.configure(api.ClusterSettings{NodeOSChannel: api.NodeOSImage, Maintenance: windowIn(time.Hour)})
		w.until(26 * time.Hour)
		got := w.Operations(w.replicas)
		if len(got) != 2 || got[0].State != api.OpFailed || got[0].Ended.IsZero() || !strings.Contains(got[0].Error, "UnsatisfiablePDB") || got[1].Began.Sub(got[0].Began) != 24*time.Hour {
			t.Errorf("got %+v, want one failure in each of two windows", got)
		}
		if e := w.noted("failed to upgrade"); len(e) != 2 || !strings.Contains(e[0].Message, "default/db") {
			t.Errorf("on the timeline: %+v", e)
		}
	})
}

// An operation of the customer's is waited for, and a leader that is lost is no reason to
// begin again.
func TestChannelWaitsForAnOperation(t *testing.T) {
	operatePools(t, newFakePools("a", "b"), func(w *nodeWorld) {
		once := w.crashAt("reimage")
		w.upgrade(api.UpgradeRequest{KubernetesVersion: "1.37", ControlPlaneOnly: true})
		w.configure(api.ClusterSettings{NodeOSChannel: api.NodeOSImage, Maintenance: windowIn(0)})
		w.until(3 * time.Hour)
		if !crashed(once) {
			t.Error("the leader was never lost")
		}
		got := w.Operations(w.replicas)
		if len(got) != 2 || got[1].Channel == "" || got[1].Began.Before(got[0].Ended) || got[1].State != api.OpSucceeded {
			t.Errorf("got %+v", got)
		}
	})
}

func TestNodeImageExpires(t *testing.T) {
	operatePools(t, newFakePools("a"), func(w *nodeWorld) {
		c := w.replicas.State().Cluster
		p := c.Pools[0]
		p.NodeImage = "AKSUbuntu-2204gen2containerd-" + time.Now().AddDate(0, 0, -88).Format("200601.02") + ".0"
		if err := w.replicas.Apply(w.t.Context(), SetCluster(c.withPool(p))); err != nil {
			t.Fatal(err)
		}
		w.Maintain()
		w.until(24 * time.Hour)
		if e := w.noted("outdated"); len(e) != 0 {
			t.Errorf("too early: %+v", e)
		}
		w.until(49 * time.Hour)
		if e := w.noted("outdated"); len(e) != 1 || e[0].Subject != "nodepool/p" || e[0].Time.Hour() != 0 {
			t.Errorf("got %+v", e)
		}
		w.upgrade(api.UpgradeRequest{Pool: "p", NodeImageOnly: true})
		w.until(200 * time.Hour)
		if e := w.noted("outdated"); len(e) != 1 {
			t.Errorf("said again: %+v", e)
		}
	})
}
