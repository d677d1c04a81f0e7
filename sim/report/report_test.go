package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"github.com/google/go-cmp/cmp"
)

var eight = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// after is a time of the tests, in minutes from their beginning.
func after(minutes float64) time.Time {
	return eight.Add(time.Duration(minutes * float64(time.Minute)))
}

// judged is an incident with shares: owner, from and to in minutes for each. It is
// open if end is 0.
func judged(id, subject string, start, end float64, shares ...api.Share) api.JudgedIncident {
	x := api.JudgedIncident{
		Incident:  api.Incident{ID: id, Subject: subject, Owner: timeline.Provider, Cause: "it broke", Event: 1, Start: after(start)},
		Judgement: api.Judgement{Clauses: []string{"managed-control-plane"}, Shares: shares},
	}
	if end > 0 {
		x.Incident.End, x.Incident.Detected = after(end), after(start+1)
	}
	if len(shares) > 0 {
		x.Judgement.Owner = shares[0].Owner
	}
	return x
}

func share(owner string, from, to float64) api.Share {
	return api.Share{Owner: owner, From: after(from), To: after(to), Why: "it was broken"}
}

// sample is an hour in which something of each kind happened.
func sample() Input {
	return Input{
		Title: "Two actors, one node", Cluster: "demarc", Edition: "2026-08", From: eight, To: after(60),
		Events: []timeline.Event{
			{Seq: 1, Time: after(10), Actor: timeline.Provider, Verb: "crashed", Subject: "etcd"},
			{Seq: 2, Time: after(20), Actor: timeline.Provider, Verb: "restarted", Subject: "etcd", Cause: 1},
			{Seq: 3, Time: after(30), Actor: timeline.Customer, Verb: "stopped", Subject: "kubelet/a"},
			{Seq: 4, Time: after(31), Actor: timeline.Node, Verb: "crashed", Subject: "container/default/shop-1/shop", Cause: 3},
			{Seq: 5, Time: after(35), Actor: timeline.Node, Verb: "restarted", Subject: "container/default/shop-1/shop"},
		},
		Incidents: []api.JudgedIncident{
			judged("i1", "etcd", 10, 20, share("provider", 10, 20)),
			judged("i2", "kube-apiserver", 12, 22, share("provider", 12, 22)),
			judged("i3", "kubelet/a", 30, 50, share("customer", 30, 40), share("provider", 40, 50)),
		},
		Repairs: []api.Repair{{
			ID: "repair-1", Node: "a", Subject: "node/a", Layer: api.LayerAutoRepair, Broken: after(30), Outcome: api.RepairHealed,
			Actions: []api.RepairAction{{Action: "reboot"}, {Action: "reimage"}}, Lost: []string{"emptyDir of default/shop-1"},
		}},
		Traffic: []api.Traffic{{Spec: traffic.Spec{Name: "shop"}, Sent: 1000, Failed: 25}},
		Support: api.Supportability{State: "supported", History: []api.Period{{From: eight, To: after(60), State: "supported"}}},
	}
}

func TestMinutes(t *testing.T) {
	for _, c := range []struct {
		name      string
		incidents []api.JudgedIncident
		server    Minutes
		rest      map[string]Minutes
	}{
		{"nothing", nil, Minutes{}, map[string]Minutes{}},
		{"etcd and the API server overlap",
			[]api.JudgedIncident{judged("i1", "etcd", 0, 10, share("provider", 0, 10)), judged("i2", "kube-apiserver", 5, 12, share("provider", 5, 12))},
			Minutes{Total: 12, Provider: 12}, map[string]Minutes{}},
		{"one within another",
			[]api.JudgedIncident{judged("i1", "node/a", 0, 10, share("customer", 0, 10)), judged("i2", "kubelet/a", 2, 5, share("customer", 2, 5))},
			Minutes{}, map[string]Minutes{"node/a": {Total: 10, Customer: 10}}},
		{"two owners at once",
			[]api.JudgedIncident{judged("i1", "node/a", 0, 10, share("customer", 0, 10)), judged("i2", "containerd/a", 5, 15, share("provider", 5, 15))},
			Minutes{}, map[string]Minutes{"node/a": {Total: 15, Customer: 10, Provider: 5}}},
		{"upstream's is shared", []api.JudgedIncident{judged("i1", "etcd/1", 0, 3, share("upstream", 0, 3))},
			Minutes{}, map[string]Minutes{"etcd/1": {Total: 3, Shared: 3}}},
		{"open, with shares to an earlier now", []api.JudgedIncident{judged("i1", "node/a", 50, 0, share("customer", 50, 55))},
			Minutes{}, map[string]Minutes{"node/a": {Total: 10, Customer: 10}}},
		{"open and not judged", []api.JudgedIncident{judged("i1", "node/a", 50, 0)},
			Minutes{}, map[string]Minutes{"node/a": {Total: 10, Provider: 10}}},
		{"cut at the beginning and the end", []api.JudgedIncident{judged("i1", "node/a", -5, 90, share("customer", -5, 90))},
			Minutes{}, map[string]Minutes{"node/a": {Total: 60, Customer: 60}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Make(Input{From: eight, To: after(60), Incidents: c.incidents})
			rest := map[string]Minutes{}
			for _, o := range r.Outages {
				rest[o.Subject] = o.Minutes
			}
			if d := cmp.Diff(c.server, r.APIServer.Minutes); d != "" {
				t.Errorf("API server (-want +got)\n%s", d)
			}
			if d := cmp.Diff(c.rest, rest); d != "" {
				t.Errorf("rest (-want +got)\n%s", d)
			}
		})
	}
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	if err := Make(sample()).Text(&out, strings.ToUpper); err != nil {
		t.Fatal(err)
	}
	want := `TWO ACTORS, ONE NODE
2026-01-05 08:00:00 to 2026-01-05 09:00:00, by the support policy 2026-08

In 1h the API server was out for 12m (12m the provider's), and 2 other things were out, the longest of them node/a for 20m (10m the provider's, 10m the customer's); 25 of 1000 requests failed (25 nobody's alone).
There were 3 incidents, of which 3 are over; the slowest to heal, i3 of kubelet/a, took 20m, broken by the customer (10m) and prolonged by the provider (10m); 1 thing was lost for good.
The cluster was supported all the time.

OUT                             IN ALL  PROVIDER  SHARED  CUSTOMER
API server                      12m     12m       -       -
node/a                          20m     10m       -       10m
container/default/shop-1/shop   4m      -         -       4m

INCIDENT  SUBJECT         OWNER                    DETECTED  HEALED     HEALER                        CLAUSES                CAUSE
i1        etcd            provider                 after 1m  after 10m  provider: restarted etcd      managed-control-plane  it broke
i2        kube-apiserver  provider                 after 1m  after 10m  nobody seen                   managed-control-plane  it broke
i3        kubelet/a       customer, then provider  after 1m  after 20m  auto-repair: reboot, reimage  managed-control-plane  it broke

LOST WITH  WHAT
repair-1   emptyDir of default/shop-1

SUPPORT    FROM                 FOR  WHY
supported  2026-01-05 08:00:00  1h   

TRAFFIC  SENT  FAILED  PROVIDER  SHARED  CUSTOMER
shop     1000  25      0         25      0
`
	// Columns are as wide as the widest of their block; only the words matter.
	squeeze := func(s string) string {
		var lines []string
		for _, l := range strings.Split(s, "\n") {
			lines = append(lines, strings.Join(strings.Fields(l), " "))
		}
		return strings.Join(lines, "\n")
	}
	if d := cmp.Diff(squeeze(want), squeeze(out.String())); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestVerdictOfNothing(t *testing.T) {
	want := []string{"In 30m nothing was out."}
	if d := cmp.Diff(want, Make(Input{From: eight, To: after(30)}).Verdict); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	var out bytes.Buffer
	if err := Make(Input{}).HTML(&out); err != nil {
		t.Errorf("nothing at all: %v", err)
	}
}

func TestVerdictOfSupport(t *testing.T) {
	in := Input{From: eight, To: after(30), Support: api.Supportability{State: "unsupported",
		Reasons: []api.Reason{{State: "unsupported", Clause: "nsg", Sentence: "All egress is blocked.", WayBack: "Allow it."}}}}
	want := "The cluster is unsupported: All egress is blocked (nsg); the way back: Allow it."
	if got := Make(in).Verdict; got[len(got)-1] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSpanOf(t *testing.T) {
	for minutes, want := range map[float64]string{
		0: "0s", 0.001: "less than 1s", 0.75: "45s", 12: "12m", 60: "1h", 90: "1h30m", 61.5: "1h1m30s", 24 * 60: "1d", 76 * 60: "3d4h",
	} {
		if got := spanOf(minutes); got != want {
			t.Errorf("spanOf(%v): got %s, want %s", minutes, got, want)
		}
	}
}

// TestLoopOfCauses checks that causes which are no chain end.
func TestLoopOfCauses(t *testing.T) {
	in := Input{From: eight, To: after(10), Events: []timeline.Event{
		{Seq: 1, Time: after(1), Actor: timeline.Node, Verb: "crashed", Subject: "container/kube-system/dns/dns", Cause: 2},
		{Seq: 2, Time: after(2), Actor: timeline.Node, Verb: "restarted", Subject: "container/kube-system/dns/dns", Cause: 1},
	}}
	if got := Make(in).Outages[0].Minutes; got != (Minutes{Total: 1, Provider: 1}) {
		t.Errorf("got %+v", got)
	}
}

// BenchmarkManyEvents makes a report and its page of 10,000 events. The page must
// stay small enough to be opened.
func BenchmarkManyEvents(b *testing.B) {
	in := sample()
	in.Events = nil
	for n := range 10_000 {
		verb := []timeline.Verb{"crashed", "restarted"}[n%2]
		in.Events = append(in.Events, timeline.Event{Seq: int64(n + 1), Time: after(float64(n) * 0.006), Actor: timeline.Node, Verb: verb,
			Subject: fmt.Sprintf("container/default/shop-%d/shop", n/2%200), Cause: int64(n)})
	}
	var page bytes.Buffer
	for b.Loop() {
		page.Reset()
		r := Make(in)
		if err := r.HTML(&page); err != nil {
			b.Fatal(err)
		}
		if _, err := json.Marshal(r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(page.Len()), "page-bytes")
	if page.Len() > 2<<20 {
		b.Errorf("the page has %d bytes", page.Len())
	}
}
