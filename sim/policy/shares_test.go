package policy

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

const remove = "azureuser ran: sudo apt-get remove -y moby-containerd"

// delayed is a world in which the customer breaks a node while the control plane is
// down.
var delayed = world(ev("5m", provider, "crashed", "kube-apiserver", 0, ""), ev("10m", customer, "ran", "node/a", 0, remove), ev("10m", node, "failed", "containerd/a", 2, ""),
	ev("40m", provider, "started", "kube-apiserver", 1, ""), ev("50m", provider, "rebooting", "node/a", 2, ""), ev("56m", provider, "repaired", "node/a", 2, "")).out("node/a", 2, "10m", "56m")

// stoppedAndDark is a world in which a node loses its power when the customer has
// just stopped its kubelet.
var stoppedAndDark = world(ev("10m", customer, "ran", "node/a", 0, "azureuser ran: sudo systemctl stop kubelet"), ev("10m", node, "failed", "kubelet/a", 1, ""),
	ev("10m10s", platform, "powered-off", "node/a", 0, ""), ev("19m40s", platform, "powered-on", "node/a", 0, ""))

// hard are the worlds in which it is hard to say whose an outage is. What is wanted
// holds by both editions.
var hard = []struct {
	name  string
	world World
	owner string
	want  string // shares
	why   string // in the why of the last share
}{
	{"the customer removes the runtime and the provider heals in time",
		world(ev("10m", customer, "ran", "node/a", 0, remove), ev("10m", node, "failed", "containerd/a", 1, ""), ev("16m", provider, "noticed", "node/a", 1, ""),
			ev("21m", provider, "rebooting", "node/a", 1, ""), ev("21m", provider, "rebooted", "node/a", 1, ""),
			ev("26m", provider, "reimaging", "node/a", 1, ""), ev("26m", provider, "reimaged", "node/a", 1, ""), ev("29m", provider, "repaired", "node/a", 1, "")).out("node/a", 1, "10m", "29m"),
		Customer, "customer 10m0s-29m0s", "apt-get remove"},
	{"the provider's patch breaks the runtime",
		world(ev("10m", provider, "patched", "node/a", 0, "containerd"), ev("10m", node, "failed", "containerd/a", 1, ""), ev("29m", provider, "repaired", "node/a", 1, "")).out("node/a", 1, "10m", "29m"),
		Provider, "provider 10m0s-29m0s", "containerd"},
	{"two break the same node: the customer's until it is mended, then the provider's",
		world(ev("10m", customer, "stopped", "kubelet/a", 0, ""), ev("15m", provider, "cut", "node/a", 0, ""), ev("20m", customer, "started", "kubelet/a", 0, ""),
			ev("30m", provider, "healed", "node/a", 2, "")).out("node/a", 1, "10m", "30m"),
		Customer, "customer 10m0s-20m0s, provider 20m0s-30m0s", "cut"},
	{"two break the same node, the provider first",
		world(ev("10m", platform, "cut", "node/a", 0, ""), ev("15m", customer, "stopped", "kubelet/a", 0, ""), ev("20m", platform, "healed", "node/a", 1, ""),
			ev("30m", customer, "started", "kubelet/a", 0, "")).out("node/a", 1, "10m", "31m"),
		Provider, "provider 10m0s-20m0s, customer 20m0s-31m0s", "stopped"},
	{"a VM is stopped, loses its power below, and is started in vain",
		world(ev("10m", customer, "stopped", "node/a", 0, "the VM was stopped as an IaaS resource", vm), ev("15m", platform, "powered-off", "node/a", 0, ""),
			ev("20m", customer, "started", "node/a", 0, "the VM was started as an IaaS resource", vm), ev("30m", platform, "powered-on", "node/a", 0, "")).out("node/a", 1, "10m", "30m"),
		Customer, "customer 10m0s-20m0s, provider 20m0s-30m0s", "powered-off"},
	{"power is lost and comes back to a VM that was stopped meanwhile",
		world(ev("10m", platform, "powered-off", "node/a", 0, ""), ev("15m", customer, "stopped", "node/a", 0, "the VM was stopped as an IaaS resource", vm),
			ev("20m", platform, "repowered", "node/a", 0, ""), ev("30m", customer, "started", "node/a", 0, "the VM was started as an IaaS resource", vm)).out("node/a", 1, "10m", "30m"),
		Provider, "provider 10m0s-20m0s, customer 20m0s-30m0s", "stopped"},
	{"power is lost where the kubelet was only stopped, which a boot starts",
		stoppedAndDark.out("node/a", 3, "10m10s", "20m").out("kubelet/a", 1, "10m", "20m"),
		Customer, "customer 10m0s-10m10s, provider 10m10s-20m0s", "powered-off"},
	{"power is lost where the kubelet was only stopped: the node's outage",
		stoppedAndDark.out("kubelet/a", 1, "10m", "20m").out("node/a", 3, "10m10s", "20m"),
		Provider, "provider 10m10s-20m0s", "powered-off"},
	{"power is lost where the kubelet is broken for good",
		stoppedAndDark.out("node/a", 3, "10m10s", "20m").out("kubelet/a", 1, "10m", "25m"),
		Customer, "customer 10m0s-25m0s", "stop kubelet"},
	{"the second cause is mended first and changes nothing",
		world(ev("10m", customer, "stopped", "kubelet/a", 0, ""), ev("15m", provider, "cut", "node/a", 0, ""), ev("16m", provider, "healed", "node/a", 2, ""),
			ev("20m", customer, "started", "kubelet/a", 0, "")).out("node/a", 1, "10m", "20m"),
		Customer, "customer 10m0s-20m0s", "stopped"},
	{"what broke before the node was seen NotReady counts",
		world(ev("10m", customer, "stopped", "kubelet/a", 0, ""), ev("10m10s", platform, "cut", "node/a", 0, ""), ev("11m", provider, "noticed", "node/a", 1, ""),
			ev("20m", customer, "started", "kubelet/a", 0, ""), ev("25m", platform, "healed", "node/a", 2, "")).out("node/a", 1, "11m", "26m"),
		Customer, "customer 11m0s-20m0s, provider 20m0s-26m0s", "cut"},
	{"incidents of parts tell when each cause was mended",
		world(ev("10m", customer, "ran", "node/a", 0, remove), ev("10m", node, "failed", "containerd/a", 1, ""), ev("12m", provider, "stopped", "kubelet/a", 0, "")).
			out("containerd/a", 1, "10m", "20m").out("kubelet/a", 3, "12m", "25m").out("node/a", 1, "10m", "25m"),
		Customer, "customer 10m0s-20m0s, provider 20m0s-25m0s", "stopped"},
	{"the control plane is down when repair is due",
		delayed,
		Customer, "customer 10m0s-23m0s, provider 23m0s-56m0s", "the control plane was down"},
	{"the provider's plane has no leader when repair is due",
		world(ev("0s", provider, "elected", "provider/0", 0, ""), ev("10m", customer, "ran", "node/a", 0, remove), ev("10m", node, "failed", "containerd/a", 2, ""),
			ev("12m", platform, "crashed", "provider/0", 0, ""), ev("12m", platform, "crashed", "provider/1", 0, ""), ev("40m", provider, "elected", "provider/2", 0, ""),
			ev("41m", provider, "rebooting", "node/a", 2, ""), ev("45m", provider, "repaired", "node/a", 2, "")).out("node/a", 2, "10m", "45m"),
		Customer, "customer 10m0s-23m0s, provider 23m0s-45m0s", "no leader"},
	{"a new leader in time costs nothing",
		world(ev("0s", provider, "elected", "provider/0", 0, ""), ev("10m", customer, "ran", "node/a", 0, remove), ev("12m", platform, "crashed", "provider/0", 0, ""),
			ev("12m10s", provider, "elected", "provider/1", 0, ""), ev("22m", provider, "rebooting", "node/a", 2, ""), ev("25m", provider, "repaired", "node/a", 2, "")).out("node/a", 2, "10m", "25m"),
		Customer, "customer 10m0s-25m0s", "apt-get"},
	{"the plane goes after the first action",
		world(ev("10m", customer, "ran", "node/a", 0, remove), ev("20m", provider, "rebooting", "node/a", 1, ""), ev("21m", platform, "crashed", "provider", 0, ""),
			ev("50m", platform, "started", "provider", 3, "")).out("node/a", 1, "10m", "55m"),
		Customer, "customer 10m0s-26m0s, provider 26m0s-55m0s", "no leader"},
	{"auto-repair is down",
		world(ev("5m", provider, "stopped", "auto-repair", 0, ""), ev("10m", customer, "ran", "node/a", 0, remove), ev("40m", provider, "started", "auto-repair", 0, "")).out("node/a", 2, "10m", "50m"),
		Customer, "customer 10m0s-23m0s, provider 23m0s-50m0s", "auto-repair was down"},
	{"healing takes longer than promised",
		world(ev("10m", customer, "ran", "node/a", 0, remove), ev("10m", node, "failed", "containerd/a", 1, "")).out("node/a", 1, "10m", "1h50m"),
		Customer, "customer 10m0s-1h20m0s, provider 1h20m0s-1h50m0s", "not through"},
	{"an outage that is not over",
		world(ev("30m", customer, "ran", "node/a", 0, remove)).out("node/a", 1, "30m", ""),
		Customer, "customer 30m0s-1h40m0s, provider 1h40m0s-2h0m0s", "not through"},
	{"the provider gives up",
		world(ev("10m", customer, "ran", "node/a", 0, remove), ev("22m", provider, "rebooting", "node/a", 1, ""), ev("1h5m", provider, "gave up on", "node/a", 1, "")).out("node/a", 1, "10m", "1h10m"),
		Customer, "customer 10m0s-1h5m0s, provider 1h5m0s-1h10m0s", "gave up"},
	{"what the customer holds down is no delay of the provider's",
		world(ev("10m", customer, "deallocated", "node/a", 0, "the VM was deallocated as an IaaS resource", vm), ev("1h50m", customer, "started", "node/a", 0, "the VM was started as an IaaS resource", vm)).out("node/a", 1, "10m", "1h50m"),
		Customer, "customer 10m0s-1h50m0s", "deallocated"},
	{"nor is what it blocks",
		world(ev("10m", customer, "ran", "node/a", 0, remove), ev("10m", node, "failed", "containerd/a", 1, ""),
			ev("12m", customer, "changed", "nsg", 0, "network security group rule x: Deny outbound Tcp to Internet, ports 443", deny("x", "Tcp", "443"))).out("node/a", 1, "10m", "1h50m"),
		Customer, "customer 10m0s-1h50m0s", "apt-get"},
	{"nor a node that auto-repair spares",
		world(ev("10m", customer, "ran", "node/a", 0, remove), ev("16m", provider, "does not repair", "node/a", 0, "it is the only node of pool p")).out("node/a", 1, "10m", "1h50m"),
		Customer, "customer 10m0s-1h50m0s", "apt-get"},
	{"an add-on comes back late",
		world(ev("10m", customer, "deleted", "deployment/kube-system/coredns", 0, ""), ev("15m", provider, "restored", "addon/deployment/coredns", 1, "")).out("addon/deployment/coredns", 1, "10m", "15m"),
		Customer, "customer 10m0s-11m0s, provider 11m0s-15m0s", "within a minute"},
	{"an add-on comes back in time",
		world(ev("10m", customer, "deleted", "deployment/kube-system/coredns", 0, ""), ev("10m50s", provider, "restored", "addon/deployment/coredns", 1, "")).out("addon/deployment/coredns", 1, "10m", "10m50s"),
		Customer, "customer 10m0s-10m50s", "coredns"},
	{"an add-on that was put back in time is blocked by a webhook",
		world(ev("8m", customer, "created", "validatingwebhookconfiguration/policy", 0, "a webhook"), ev("10m", customer, "deleted", "deployment/kube-system/coredns", 0, ""),
			ev("10m50s", provider, "restored", "addon/deployment/coredns", 2, ""), ev("10m51s", customer, "blocked", "addon/deployment/coredns", 1, "")).out("addon/deployment/coredns", 2, "10m", "25m"),
		Customer, "customer 10m0s-10m51s, customer 10m51s-25m0s", "a webhook"},
	{"the provider had stopped the monitors",
		world(ev("5m", provider, "stopped", "kubelet-monitor/a", 0, ""), ev("10m", customer, "ran", "node/a", 0, "azureuser ran: sudo systemctl stop kubelet"), ev("10m", node, "failed", "kubelet/a", 2, ""),
			ev("20m", provider, "started", "kubelet-monitor/a", 0, ""), ev("20m", node, "repaired", "kubelet/a", 2, "")).out("kubelet/a", 2, "10m", "20m"),
		Customer, "customer 10m0s-11m0s, provider 11m0s-20m0s", "monitors were down"},
	{"the watchdog is down",
		world(ev("5m", platform, "crashed", "watchdog", 0, ""), ev("10m", customer, "crashed", "kube-apiserver", 0, "")).out("kube-apiserver", 2, "10m", "20m"),
		Customer, "customer 10m0s-11m0s, provider 11m0s-20m0s", "watchdog was down"},
}

func TestShares(t *testing.T) {
	for _, tt := range hard {
		for _, id := range both {
			t.Run(tt.name+"/"+id, func(t *testing.T) {
				got, err := last(edition(t, id), tt.world)
				if err != nil {
					t.Fatal(err)
				}
				if got.Owner != tt.owner || sharesOf(got) != tt.want {
					t.Errorf("got  %s: %s\nwant %s: %s", got.Owner, sharesOf(got), tt.owner, tt.want)
				}
				if s := got.Shares[len(got.Shares)-1]; !strings.Contains(s.Why, tt.why) || s.Event == 0 {
					t.Errorf("why: %q by event %d, want %q", s.Why, s.Event, tt.why)
				}
			})
		}
	}
}

// TestLateRepairIsLateThroughout judges the outages of a node that its repair makes,
// when that comes late: it was owed since the first.
func TestLateRepairIsLateThroughout(t *testing.T) {
	w := world(ev("5m", provider, "crashed", "kube-apiserver", 0, ""), ev("10m", customer, "ran", "node/a", 0, remove), ev("10m", node, "failed", "containerd/a", 2, ""),
		ev("40m", provider, "started", "kube-apiserver", 1, ""), ev("50m", provider, "rebooting", "node/a", 2, "")).
		out("containerd/a", 2, "10m", "55m").out("node/a", 2, "50m", "51m").out("node/b", 2, "50m", "51m")
	for incident, want := range map[string]string{"i1": "customer 10m0s-23m0s, provider 23m0s-55m0s", "i2": "provider 50m0s-51m0s", "i3": "customer 50m0s-51m0s"} {
		if got, err := edition(t, "2019-04").Incident(w, incident); err != nil || sharesOf(got) != want {
			t.Errorf("%s: got %s, %v; want %s", incident, sharesOf(got), err, want)
		}
	}
}

// TestTwoIncidents judges each incident of a node by its own root.
func TestTwoIncidents(t *testing.T) {
	w := world(
		ev("10m", customer, "ran", "node/a", 0, remove), ev("10m", node, "failed", "containerd/a", 1, ""),
		ev("12m", provider, "stopped", "kubelet/a", 0, ""),
	).out("containerd/a", 1, "10m", "20m").out("kubelet/a", 3, "12m", "25m")
	for _, id := range both {
		for incident, want := range map[string]string{"i1": "customer 10m0s-20m0s", "i2": "provider 12m0s-25m0s"} {
			if got, err := edition(t, id).Incident(w, incident); err != nil || sharesOf(got) != want {
				t.Errorf("%s of %s: got %s, %v; want %s", incident, id, sharesOf(got), err, want)
			}
		}
	}
}

// TestRepairsCount takes actions from the records of repairs, too.
func TestRepairsCount(t *testing.T) {
	w := world(ev("5m", provider, "crashed", "kube-apiserver", 0, ""), ev("10m", customer, "ran", "node/a", 0, remove), ev("24m", provider, "started", "kube-apiserver", 1, "")).out("node/a", 2, "10m", "28m")
	e := edition(t, "2019-04")
	if got, _ := e.Incident(w, "i1"); sharesOf(got) != "customer 10m0s-23m0s, provider 23m0s-28m0s" {
		t.Errorf("without a record: %s", sharesOf(got))
	}
	w.Repairs = []api.Repair{{Node: "a", Subject: "node/a", Layer: api.LayerAutoRepair, Actions: []api.RepairAction{{Action: "reboot", At: after("22m")}}}}
	if got, _ := e.Incident(w, "i1"); sharesOf(got) != "customer 10m0s-28m0s" {
		t.Errorf("with a record: %s", sharesOf(got))
	}
}

// unrelated are events that have nothing to do with nodes a or with what is down in
// the worlds above.
var unrelated = []timeline.Event{
	{Actor: customer, Verb: "applied", Subject: "deployment/default/other"},
	{Actor: customer, Verb: "ran", Subject: "node/z", Message: "azureuser ran: sudo systemctl stop kubelet"},
	{Actor: node, Verb: "failed", Subject: "kubelet/z"},
	{Actor: platform, Verb: "powered-off", Subject: "node/y"},
	{Actor: node, Verb: "crashed", Subject: "container/default/other-1/other"},
	{Actor: provider, Verb: "rebooting", Subject: "node/y"},
	{Actor: provider, Verb: "repaired", Subject: "node/z"},
	{Actor: provider, Verb: "backed up", Subject: "backup/20260105T083000Z"},
	{Actor: customer, Verb: "started", Subject: "traffic/other"},
	{Actor: customer, Verb: "tagged", Subject: "node/y", Detail: &timeline.Detail{Resource: true, Tags: map[string]string{"a": "b"}}},
	{Actor: customer, Verb: "scaled", Subject: "deployment/default/other"},
	{Actor: provider, Verb: "used consent", Subject: "node/y", Message: "c1: ran id"},
	{Actor: provider, Verb: "noticed", Subject: "kube-scheduler"},
}

// interleave inserts unrelated events, numbers everything anew and returns the new
// numbers of the old ones.
func interleave(r *rand.Rand, w World) (World, map[int64]int64) {
	seqs := map[int64]int64{}
	var events []timeline.Event
	add := func(x timeline.Event) {
		x.Seq = int64(len(events)) + 1
		events = append(events, x)
	}
	noise := func(at timeline.Event) {
		for range r.IntN(4) {
			x := unrelated[r.IntN(len(unrelated))]
			x.Time = at.Time
			add(x)
		}
	}
	for _, x := range w.Events {
		noise(x)
		seqs[x.Seq] = int64(len(events)) + 1
		if n, ok := seqs[x.Cause]; ok {
			x.Cause = n
		}
		add(x)
		noise(x)
	}
	w.Events = events
	incidents := w.Incidents
	w.Incidents = nil
	for _, i := range incidents {
		if n, ok := seqs[i.Event]; ok {
			i.Event = n
		}
		w.Incidents = append(w.Incidents, i)
	}
	return w, seqs
}

// renumbered is a judgement with the numbers that its events have now.
func renumbered(v Judgement, seqs map[int64]int64) Judgement {
	chain := []int64{}
	for _, seq := range v.Chain {
		chain = append(chain, seqs[seq])
	}
	v.Chain = chain
	shares := v.Shares
	v.Shares = nil
	for _, s := range shares {
		s.Event = seqs[s.Event]
		v.Shares = append(v.Shares, s)
	}
	return v
}

// TestInterleaving inserts unrelated events: all judgements stay as they are.
func TestInterleaving(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		for _, tt := range hard {
			w, seqs := interleave(r, tt.world)
			for _, e := range Editions() {
				before, now := e.Judge(tt.world), e.Judge(w)
				for _, i := range w.Incidents {
					want, err := before.Incident(i.ID)
					got, err2 := now.Incident(i.ID)
					if err != nil || err2 != nil {
						t.Fatal(err, err2)
					}
					if diff := cmp.Diff(renumbered(want, seqs), got); diff != "" {
						t.Fatalf("%s by %s, incident %s (-alone +interleaved):\n%s", tt.name, e.ID, i.ID, diff)
					}
				}
				for _, x := range tt.world.Events {
					want, err := before.Event(x.Seq)
					got, err2 := now.Event(seqs[x.Seq])
					if err != nil || err2 != nil {
						t.Fatal(err, err2)
					}
					if diff := cmp.Diff(renumbered(want, seqs), got); diff != "" {
						t.Fatalf("%s by %s, event %d (-alone +interleaved):\n%s", tt.name, e.ID, x.Seq, diff)
					}
				}
			}
		}
	}
}

// TestSharesHaveNoGaps holds for whatever is interleaved, related or not.
func TestSharesHaveNoGaps(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		tt := hard[r.IntN(len(hard))]
		w := tt.world
		for _, x := range hard[r.IntN(len(hard))].world.Events {
			x.Seq, x.Cause = int64(len(w.Events))+1, 0
			w.Events = append(w.Events[:len(w.Events):len(w.Events)], x)
		}
		v, err := last(edition(t, both[r.IntN(2)]), w)
		if err != nil {
			t.Fatal(err)
		}
		i := w.Incidents[len(w.Incidents)-1]
		at, end := i.Start, i.End
		if end.IsZero() {
			end = w.Now
		}
		for _, s := range v.Shares {
			if !s.From.Equal(at) || !s.To.After(s.From) {
				t.Fatalf("%s: %s", tt.name, sharesOf(v))
			}
			at = s.To
		}
		if !at.Equal(end) {
			t.Fatalf("%s: %s", tt.name, sharesOf(v))
		}
	}
}
