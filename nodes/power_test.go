package nodes

import (
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

// TestParkedMachines checks that a stop of the cluster takes the VMs away without an outage,
// also when they are saved and come up in another engine, and that a start gives them back.
func TestParkedMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools := []PoolConfig{{Name: api.DefaultPool, Nodes: 2, KubeletVersion: "v1.37.2"}}
		w := makeWorld(t, Config{Pools: pools})
		d := w.watched()
		w.pass(time.Minute)
		name := w.f.NodeNames()[0]
		if _, err := w.f.DoVM(api.VMRequest{Action: "stop", VM: "1"}, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		down := "node/" + w.f.NodeNames()[1]
		w.f.Deallocate(7)
		w.f.Deallocate(7) // changes nothing
		w.pass(time.Hour)
		for _, vm := range w.f.VMs() {
			if vm.Power != "PowerState/deallocated" {
				t.Errorf("%s is %s", vm.Name, vm.Power)
			}
		}
		if diff := cmp.Diff([]string{"broke " + down, "mended " + down}, d.read()); diff != "" {
			t.Errorf("outages before the stop and in it (-want +got):\n%s", diff)
		}
		saved, err := w.f.Save()
		if err != nil {
			t.Fatal(err)
		}
		w.stop()

		d = &diary{}
		w = makeWorld(t, Config{Pools: pools, State: saved, Watcher: d})
		defer w.stop()
		w.pass(time.Hour)
		w.f.Allocate(8)
		w.pass(time.Minute)
		for _, m := range w.f.Machines() {
			if m.Power != api.MachineRunning || m.Kubelet != api.MachineRunning || m.Problem != "" {
				t.Errorf("after the start: %+v", m)
			}
		}
		if _, err := w.f.DoVM(api.VMRequest{Action: "stop", VM: name}, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"broke node/" + name}, d.read()); diff != "" {
			t.Errorf("outages in the next engine (-want +got):\n%s", diff)
		}
	})
}
