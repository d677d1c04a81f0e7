package nodes

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/kubelet"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, nil)
		defer w.stop()
		d := w.watched()
		w.pass(5 * time.Second)
		names := w.f.NodeNames()
		reboot, err := w.f.Maintain("0", "reboot", timeline.Platform)
		if err != nil {
			t.Fatal(err)
		}
		redeploy, err := w.f.Maintain("1", "redeploy", timeline.Platform)
		if err != nil {
			t.Fatal(err)
		}
		for node, want := range map[string]string{"0": "has an event scheduled already: Reboot", "9": "no node"} {
			if _, err := w.f.Maintain(node, "redeploy", timeline.Platform); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("node %s: got %v, want %s", node, err, want)
			}
		}
		if got := w.f.Evacuating(); !cmp.Equal(got, []Evacuation{{names[1], redeploy.Seq}}) {
			t.Errorf("to be drained: %v", got)
		}
		w.pass(3 * time.Second)
		for i, event := range []string{"Reboot", "Redeploy"} {
			c := w.condition(i, kubelet.EventScheduled)
			if c.Status != corev1.ConditionTrue || !strings.HasPrefix(c.Message, event+" Scheduled: ") || !strings.Contains(w.events(names[i]), event+"Scheduled") {
				t.Errorf("%s: the condition is %+v, and the node says %s", event, c, w.events(names[i]))
			}
		}
		w.pass(9*time.Minute + 55*time.Second)
		if len(d.read()) != 0 {
			t.Errorf("before its time: %v", d.read())
		}
		w.pass(5 * time.Second)
		if diff := cmp.Diff([]string{"broke node/" + names[1]}, d.read()); diff != "" || len(w.f.Evacuating()) != 0 {
			t.Errorf("ten minutes later (-want +got):\n%s", diff)
		}
		w.pass(redeployTime + bootTime + 5*time.Second)
		if c := w.condition(1, kubelet.EventScheduled); c.Status != corev1.ConditionFalse || w.f.Machines()[1].Power != api.MachineRunning {
			t.Errorf("when it has moved, the condition is %+v", c)
		}
		w.pass(2*time.Minute + bootTime)
		want := []string{"broke node/" + names[1], "mended node/" + names[1], "broke node/" + names[0], "mended node/" + names[0]}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Errorf("outages (-want +got):\n%s", diff)
		}
		events, _ := w.f.log.Since(0)
		for _, e := range events {
			if e.Verb == "rebooted" && (e.Cause != reboot.Seq || e.Actor != timeline.Platform || e.Time.Sub(reboot.Time).Round(time.Second) != 15*time.Minute) {
				t.Errorf("the reboot is %+v of %+v", e, reboot)
			}
		}
	})
}

func TestMaintenanceIsKept(t *testing.T) {
	f := quiet(t, Config{Nodes: 2})
	if _, err := f.Maintain("1", "redeploy", timeline.Platform); err != nil {
		t.Fatal(err)
	}
	state, err := f.Save()
	if err != nil {
		t.Fatal(err)
	}
	again := quiet(t, Config{Nodes: 2, State: state, Timeline: f.log})
	if d := cmp.Diff(f.Evacuating(), again.Evacuating()); d != "" || len(again.Evacuating()) != 1 {
		t.Errorf("evacuating (-before +after):\n%s", d)
	}
	if a, b := f.machines()[1], again.machines()[1]; a.EventType != b.EventType || !a.EventAt.Equal(b.EventAt) {
		t.Errorf("got %s at %s, want %s at %s", b.EventType, b.EventAt, a.EventType, a.EventAt)
	}
}
