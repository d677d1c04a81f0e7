package report

import (
	"testing"

	"demarc/sim/api"
)

// TestTwoHealers has one command break two parts of a node, each of which somebody else
// heals.
func TestTwoHealers(t *testing.T) {
	in := Input{From: eight, To: after(60), Incidents: []api.JudgedIncident{judged("i1", "kubelet/a", 5, 6), judged("i2", "containerd/a", 5, 22)},
		Repairs: []api.Repair{
			{ID: "r1", Subject: "kubelet/a", Node: "a", Event: 1, Layer: api.LayerNode, Broken: after(5), Detected: after(5.5), Healed: after(6), Outcome: api.RepairHealed},
			{ID: "r2", Subject: "containerd/a", Node: "a", Event: 1, Layer: api.LayerNode, Broken: after(5), Detected: after(5.5), Outcome: api.RepairFailed},
			{ID: "r3", Subject: "node/a", Node: "a", Event: 1, Layer: api.LayerAutoRepair, Broken: after(6), Detected: after(11), Healed: after(22), Outcome: api.RepairHealed},
		}}
	r := Make(in)
	for i, want := range []string{"r1", "r3"} {
		if got := r.Incidents[i].Healer.By; got != want {
			t.Errorf("%s was healed by %s, want %s", r.Incidents[i].Subject, got, want)
		}
	}
}
