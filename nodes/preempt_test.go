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

// spotConfig is a fleet with a pool of two Spot nodes.
func spotConfig(policy string) Config {
	spot := api.PoolShape{Mode: api.ModeUser, Priority: api.PrioritySpot, EvictionPolicy: policy}.WithDefaults(api.ModeUser)
	return Config{Pools: []PoolConfig{
		{Name: api.DefaultPool, Nodes: 1, KubeletVersion: "v1.37.2"}, {Name: "spot", Shape: spot, Nodes: 2, KubeletVersion: "v1.37.2"},
	}}
}

func TestSpotNodeIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		cfg := spotConfig("")
		cfg.Preempted = func() { told++ }
		w := makeWorld(t, cfg)
		defer w.stop()
		d := w.watched()
		w.pass(5 * time.Second)
		if c := w.condition(1, kubelet.EventScheduled); c.Status != corev1.ConditionFalse || c.Reason != "NoVMEventScheduled" {
			t.Errorf("the condition is %+v", c)
		}
		if _, err := w.f.Evict("0", timeline.Platform); err == nil || !strings.Contains(err.Error(), "whose priority is Regular") {
			t.Errorf("a Regular node: %v", err)
		}
		name, _ := w.f.NodeName("spot-vmss000000")
		e, err := w.f.Evict(name, timeline.Platform)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.f.Evict(name, timeline.Platform); err == nil || !strings.Contains(err.Error(), "being evicted already") {
			t.Errorf("a second time: %v", err)
		}
		w.pass(3 * time.Second)
		if c := w.condition(1, kubelet.EventScheduled); c.Status != corev1.ConditionTrue || !strings.HasPrefix(c.Message, "Preempt Scheduled: ") {
			t.Errorf("the condition is %+v", c)
		}
		if said := w.events(name); !strings.Contains(said, "PreemptScheduled") || !strings.Contains(said, "VMEventScheduled") || told != 1 {
			t.Errorf("%d told; the node says %s", told, said)
		}
		w.pass(25 * time.Second)
		if got := w.f.Evacuating(); !cmp.Equal(got, []Evacuation{{name, e.Seq}}) || w.f.Machines()[1].Power != api.MachineRunning {
			t.Errorf("before its time: %v, %+v", got, w.f.Machines()[1])
		}
		w.pass(3 * time.Second)
		if got := w.f.PoolNodes("spot"); len(got) != 1 || len(w.f.Missing("spot")) != 0 || w.f.Exists(name) || told != 2 {
			t.Errorf("the pool has %v, missing %v, %d told", got, w.f.Missing("spot"), told)
		}
		if d := cmp.Diff([]string{"broke node/" + name, "mended node/" + name}, d.read()); d != "" {
			t.Errorf("outages (-want +got):\n%s", d)
		}
	})
}

func TestSpotNodeIsDeallocated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := makeWorld(t, spotConfig(api.EvictionDeallocate))
		defer w.stop()
		w.pass(5 * time.Second)
		if _, err := w.f.Evict("spot-vmss000001", timeline.Platform); err != nil {
			t.Fatal(err)
		}
		w.pass(33 * time.Second)
		if m := w.f.Machines()[2]; m.Power != api.MachineDeallocated || len(w.f.PoolNodes("spot")) != 2 {
			t.Errorf("the machine is %+v", m)
		}
		if _, err := w.f.Evict("spot-vmss000001", timeline.Platform); err == nil || !strings.Contains(err.Error(), "deallocated") {
			t.Errorf("a second time: %v", err)
		}
		if _, err := w.f.DoVM(api.VMRequest{VM: "spot-vmss000001", Action: "start"}, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		w.pass(30 * time.Second)
		if c := w.condition(2, kubelet.EventScheduled); c.Status != corev1.ConditionFalse {
			t.Errorf("the condition of a machine that was started is %+v", c)
		}
	})
}

func TestEvictionIsKept(t *testing.T) {
	f := quiet(t, spotConfig(""))
	if _, err := f.Evict("spot-vmss000000", timeline.Platform); err != nil {
		t.Fatal(err)
	}
	state, err := f.Save()
	if err != nil {
		t.Fatal(err)
	}
	cfg := spotConfig("")
	cfg.State, cfg.Timeline = state, f.log
	again := quiet(t, cfg)
	if d := cmp.Diff(f.Evacuating(), again.Evacuating()); d != "" || len(again.Evacuating()) != 1 {
		t.Errorf("preempting (-before +after):\n%s", d)
	}
}
