package policy

import (
	"strings"
	"testing"

	"demarc/sim/api"
)

// TestObserved wants the remedy that an outage got, and not the one that the rule
// alone promises.
func TestObserved(t *testing.T) {
	off := ev("10m", platform, "powered-off", "node/a", 0, "the machine lost its power")
	broke := ev("10m", customer, "ran", "node/a", 0, "azureuser ran: sudo systemctl stop kubelet")
	healed := api.Repair{Node: "a", Subject: "node/a", Layer: api.LayerAutoRepair, Outcome: api.RepairHealed, Broken: after("10m"), Healed: after("25m"), Actions: []api.RepairAction{{Action: "reboot", At: after("21m")}}}
	other, idle, failed := healed, healed, healed
	other.Node, idle.Actions, failed.Outcome = "b", nil, api.RepairFailed
	for _, tt := range []struct {
		name    string
		world   World
		repairs []api.Repair
		want    string // the remedy by 2019-04
		says    string // at the end of the sentence
	}{
		{"power is lost", world(off).out("node/a", 1, "10m", "25m"), nil, Escalation, "when the customer escalates."},
		{"auto-repair does it unasked", world(off).out("node/a", 1, "10m", "25m"), []api.Repair{healed}, Automatic, "without being asked."},
		{"it repairs another node", world(off).out("node/a", 1, "10m", "25m"), []api.Repair{other}, Escalation, "escalates."},
		{"it only looks", world(off).out("node/a", 1, "10m", "25m"), []api.Repair{idle}, Escalation, "escalates."},
		{"it fails", world(off).out("node/a", 1, "10m", "25m"), []api.Repair{failed}, Escalation, "escalates."},
		{"the power comes back", world(off, ev("24m", platform, "powered-on", "node/a", 0, "")).out("node/a", 1, "10m", "25m"), []api.Repair{healed}, Escalation, "escalates."},
		{"it gives up", world(broke, ev("1h10m", provider, "gave up on", "node/a", 1, "")).out("kubelet/a", 1, "10m", ""), []api.Repair{failed}, Escalation, "gave up on it, and the rest is the provider's when the customer escalates."},
		{"it leaves the customer's node alone", world(broke, ev("16m", provider, "does not repair", "node/a", 1, "it is shut down")).out("kubelet/a", 1, "10m", ""), nil, ByCustomer, "leaves it alone: it is shut down."},
		{"it leaves it alone at first", world(broke, ev("16m", provider, "does not repair", "node/a", 1, "x")).out("kubelet/a", 1, "10m", "25m"), []api.Repair{healed}, Automatic, "working state."},
		{"it leaves the provider's node alone", world(ev("10m", node, "failed", "kubelet/a", 0, ""), ev("16m", provider, "does not repair", "node/a", 1, "x")).out("kubelet/a", 1, "10m", ""), nil, Escalation, "alone: x."},
		{"it leaves another one alone", world(broke, ev("16m", provider, "does not repair", "node/b", 0, "x")).out("kubelet/a", 1, "10m", ""), nil, Automatic, "working state."},
		{"live data fill etcd", world(ev("10m", customer, "used up", "etcd", 0, "x"), ev("11m", provider, "awaits deletes", "etcd", 1, "x")).out("etcd", 1, "10m", "25m"), nil, ByCustomer, "only the customer can delete that."},
		{"old revisions fill etcd", world(ev("10m", customer, "used up", "etcd", 0, "x"), ev("30m", provider, "awaits deletes", "etcd", 0, "x")).out("etcd", 1, "10m", "25m"), nil, Automatic, "ends the alarm."},
		{"what is no node", world(ev("10m", provider, "crashed", "kube-apiserver", 0, "")).out("kube-apiserver", 1, "10m", "25m"), nil, Automatic, ""},
	} {
		w := tt.world
		w.Repairs = tt.repairs
		got, err := edition(t, "2019-04").Incident(w, "i1")
		if err != nil || got.Remedy != tt.want || !strings.HasSuffix(strings.TrimSuffix(got.Sentence, prolonged(got.Shares)), tt.says) {
			t.Errorf("%s: %s, %q, %v; want %s, …%s", tt.name, got.Remedy, got.Sentence, err, tt.want, tt.says)
		}
	}
}
