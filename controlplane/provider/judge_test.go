package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
)

var eight = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// wellNode and sickNode are nodes of pool p.
func wellNode(name string) Node {
	return Node{Name: name, Pool: "p", Ready: true, EverReady: true, Since: eight.Add(-time.Hour)}
}

func sickNode(name string, since time.Time) Node {
	return Node{Name: name, Pool: "p", EverReady: true, Since: since, Unknown: true, Reason: "NodeStatusUnknown", Message: "Kubelet stopped posting node status."}
}

// repairWorld steps through whole minutes as the loop does, with a cloud that
// accepts everything at once.
type repairWorld struct {
	v    view
	done []string // "mm:ss verdict node action"
}

func newRepairWorld(nodes ...Node) *repairWorld {
	return &repairWorld{v: view{now: eight, answers: eight.Add(-time.Hour), nodes: nodes, egress: map[string]string{}, records: map[string]api.Repair{}}}
}

func (w *repairWorld) run(until time.Duration) {
	for ; w.v.now.Sub(eight) <= until; w.v.now = w.v.now.Add(lookPeriod) {
		w.v.unready = look(w.v.unready, w.v.now, w.v.nodes)
		for _, s := range decide(w.v) {
			d := w.v.now.Sub(eight)
			text := fmt.Sprintf("%d:%02d %s %s", int(d.Minutes()), int(d.Seconds())%60, s.do, s.node)
			if s.do == act {
				n := len(s.record.Actions) - 1
				text += " " + s.record.Actions[n].Action
				s.record.Actions = slices.Clone(s.record.Actions)
				s.record.Actions[n].Done = w.v.now
			}
			w.done = append(w.done, text)
			if s.record.ID != "" {
				w.v.records[s.record.ID] = s.record
			}
		}
	}
}

func (w *repairWorld) want(t *testing.T, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, w.done); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
}

// AKS's own timeline: reboot about 10 minutes after NotReady, reimage 5 minutes
// later, redeploy after 5 more.
func TestRepairTimeline(t *testing.T) {
	w := newRepairWorld(wellNode("a"), sickNode("b", eight))
	w.run(21 * time.Minute)
	w.v.nodes[1] = wellNode("b")
	w.run(22 * time.Minute)
	w.want(t, "5:00 detect b", "10:00 act b reboot", "15:00 act b reimage", "20:00 act b redeploy", "22:00 heal b")
}

func TestRepairGivesUpAfterThreeRounds(t *testing.T) {
	w := newRepairWorld(wellNode("a"), sickNode("b", eight))
	w.run(3 * time.Hour)
	w.want(t, "5:00 detect b",
		"10:00 act b reboot", "15:00 act b reimage", "20:00 act b redeploy",
		"25:00 act b reboot", "30:00 act b reimage", "35:00 act b redeploy",
		"40:00 act b reboot", "45:00 act b reimage", "50:00 act b redeploy", "55:00 give up b")
	w.done = nil
	w.v.nodes[1] = wellNode("b")
	w.run(3*time.Hour + time.Minute)
	w.v.nodes[1] = sickNode("b", w.v.now)
	w.run(3*time.Hour + 7*time.Minute)
	w.want(t, "181:00 heal b", "187:00 detect b")
}

func TestRepairBeginsAgainWhenEgressOpens(t *testing.T) {
	w := newRepairWorld(wellNode("a"), sickNode("b", eight))
	w.v.egress["b"] = "rule deny-out"
	w.run(2 * time.Hour)
	for _, rec := range w.v.records {
		if rec.Outcome != api.RepairFailed || !strings.Contains(rec.Reason, "deny-out") || !strings.Contains(rec.Reason, "until the customer removes the rule") {
			t.Errorf("record: %+v", rec)
		}
	}
	w.done = nil
	w.v.egress["b"] = ""
	w.run(2*time.Hour + 6*time.Minute)
	w.want(t, "121:00 detect b", "122:00 act b reboot")
}

func TestRepairSpares(t *testing.T) {
	with := func(change func(*Node)) Node {
		n := sickNode("b", eight)
		change(&n)
		return n
	}
	for name, n := range map[string]Node{
		"shutdown":        with(func(n *Node) { n.Shutdown = true }),
		"deleting":        with(func(n *Node) { n.Deleting = true }),
		"upgrading":       with(func(n *Node) { n.Upgrading = true }),
		"never Ready":     with(func(n *Node) { n.EverReady = false }),
		"only one's pool": with(func(n *Node) { n.Pool = "q" }),
	} {
		t.Run(name, func(t *testing.T) {
			w := newRepairWorld(wellNode("a"), wellNode("c"), n)
			w.run(6 * time.Minute)
			w.want(t, "5:00 spare b", "6:00 spare b")
			if len(w.v.records) != 0 {
				t.Errorf("records: %v", w.v.records)
			}
			if name == "only one's pool" {
				return // it becomes so by the loss of others
			}
			w = newRepairWorld(wellNode("a"), wellNode("c"), sickNode("b", eight))
			w.run(11 * time.Minute)
			w.v.nodes[2] = n
			w.run(30 * time.Minute)
			w.want(t, "5:00 detect b", "10:00 act b reboot", "12:00 withdraw b", "13:00 spare b", "14:00 spare b", "15:00 spare b",
				"16:00 spare b", "17:00 spare b", "18:00 spare b", "19:00 spare b", "20:00 spare b", "21:00 spare b", "22:00 spare b",
				"23:00 spare b", "24:00 spare b", "25:00 spare b", "26:00 spare b", "27:00 spare b", "28:00 spare b", "29:00 spare b", "30:00 spare b")
		})
	}
}

func TestRepairEndsWithoutActions(t *testing.T) {
	w := newRepairWorld(wellNode("a"), wellNode("c"), sickNode("b", eight))
	w.run(6 * time.Minute)
	w.v.nodes[2] = wellNode("b")
	w.run(7 * time.Minute)
	w.v.nodes[2] = sickNode("b", eight.Add(8*time.Minute))
	w.run(14 * time.Minute)
	w.v.nodes = w.v.nodes[:2]
	w.run(15 * time.Minute)
	w.want(t, "5:00 detect b", "7:00 withdraw b", "13:00 detect b", "15:00 withdraw b")
}

func TestRepairInTurn(t *testing.T) {
	nodes := []Node{sickNode("c", eight), sickNode("b", eight.Add(-time.Minute)), sickNode("d", eight.Add(-2*time.Minute))}
	for i := range 5 {
		nodes = append(nodes, wellNode(fmt.Sprint("w", i)))
	}
	w := newRepairWorld(nodes...)
	w.run(14 * time.Minute)
	w.v.nodes[2] = wellNode("d")
	w.run(16 * time.Minute)
	w.want(t, "3:00 detect d", "4:00 detect b", "5:00 detect c", "8:00 act d reboot", "13:00 act d reimage", "15:00 heal d", "16:00 act b reboot")
}

func TestAtOnce(t *testing.T) {
	for size, want := range map[int]int{2: 1, 39: 1, 40: 2, 1000: 50} {
		if got := atOnce(size); got != want {
			t.Errorf("%d nodes: got %d, want %d", size, got, want)
		}
	}
}

func TestRepairTakesAllForANetworkFault(t *testing.T) {
	w := newRepairWorld(sickNode("a", eight), sickNode("b", eight.Add(2*time.Minute)))
	w.run(8 * time.Minute)
	w.want(t, "7:00 isolate ", "8:00 isolate ")
	w.done = nil
	w.run(19 * time.Minute)
	w.done = nil
	w.v.nodes[0] = wellNode("a")
	w.run(21 * time.Minute)
	w.want(t, "21:00 detect b") // not at the first look after it
}

// The reason for which no node is Ready is told, if it is known, and each once.
func TestNetworkFaultTellsWhatBlocks(t *testing.T) {
	v := view{now: eight.Add(time.Hour), nodes: []Node{sickNode("a", eight), sickNode("b", eight), sickNode("c", eight)}}
	const plain = "none of 3 nodes is Ready: taken for a fault of the network, so no node is repaired"
	for _, c := range []struct {
		egress map[string]string
		want   string
	}{
		{map[string]string{"a": "", "b": "", "c": ""}, plain},
		{map[string]string{"a": "rule x", "b": "rule x", "c": "rule x"}, plain + "; egress is blocked: rule x"},
		{map[string]string{"a": "rule x", "b": "", "c": "rule y"}, plain + "; egress is blocked: rule x; egress is blocked: rule y"},
	} {
		v.egress = c.egress
		if got := v.isolated(); len(got) != 1 || got[0].why != c.want {
			t.Errorf("%v: got %+v, want %q", c.egress, got, c.want)
		}
	}
}

// What the API server says counts when it and the node were seen so twice.
func TestRepairWaitsForTwoLooks(t *testing.T) {
	w := newRepairWorld(wellNode("a"), sickNode("b", eight.Add(-time.Hour)))
	w.v.answers = eight
	w.run(3 * time.Minute)
	w.want(t, "1:00 detect b", "2:00 act b reboot")
}

// A condition that goes from Unknown to False and back does not begin anew.
func TestRepairCountsFromTheFirstCondition(t *testing.T) {
	w := newRepairWorld(wellNode("a"), sickNode("b", eight))
	w.run(4 * time.Minute)
	w.v.nodes[1].Since, w.v.nodes[1].Unknown = eight.Add(4*time.Minute), false
	w.run(10 * time.Minute)
	w.want(t, "5:00 detect b", "10:00 act b reboot")
	w.v.unready = nil // a new leader knows the record only
	w.done = nil
	w.v.records = map[string]api.Repair{"r": {ID: "r", Node: "b", Layer: api.LayerAutoRepair, Outcome: api.RepairPending, Detected: eight.Add(5 * time.Minute)}}
	w.run(12 * time.Minute)
	w.want(t, "12:00 act b reboot")
}

// An action without an answer is asked for again, at once, and nothing else is
// done about its node.
func TestRepairResumes(t *testing.T) {
	for name, n := range map[string]Node{"sick": sickNode("b", eight), "well": wellNode("b")} {
		for _, answers := range []time.Time{eight, eight.Add(-time.Hour)} {
			w := newRepairWorld(wellNode("a"), n)
			w.v.answers = answers
			w.v.records["r"] = api.Repair{
				ID: "r", Node: "b", Layer: api.LayerAutoRepair, Outcome: api.RepairPending, Detected: eight.Add(-time.Hour),
				Actions: []api.RepairAction{{Action: reboot, At: eight.Add(-30 * time.Minute)}},
			}
			w.run(time.Minute)
			if d := cmp.Diff([]string{"0:00 resume b", "1:00 resume b"}, w.done); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
		}
	}
}

func TestRepairLeavesEscalationsAlone(t *testing.T) {
	w := newRepairWorld(wellNode("a"), sickNode("b", eight), sickNode("c", eight), wellNode("d"))
	w.v.records["e"] = api.Repair{ID: "e", Node: "b", Layer: api.LayerEscalation, Outcome: api.RepairPending}
	w.run(30 * time.Minute)
	w.want(t, "5:00 detect c") // and it waits for its turn
}

func TestExcessKeepsWhatIsOpen(t *testing.T) {
	records := map[string]api.Repair{}
	add := func(i int, node, outcome string) {
		id := fmt.Sprintf("r%04d", i)
		records[id] = api.Repair{ID: id, Node: node, Layer: api.LayerAutoRepair, Outcome: outcome, Detected: eight.Add(time.Duration(i) * time.Minute)}
	}
	add(0, "given-up", api.RepairFailed)
	add(1, "pending", api.RepairPending)
	for i := range keptRepairs + 2 {
		add(i+2, "b", api.RepairHealed)
	}
	want := []Command{Repairs.Delete("r0002"), Repairs.Delete("r0003")}
	if d := cmp.Diff(want, excess(records), commands...); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
