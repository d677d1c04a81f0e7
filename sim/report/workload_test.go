package report

import (
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"github.com/google/go-cmp/cmp"
)

const shop = "container/default/shop-1/shop"

func happened(seq int64, minutes float64, verb timeline.Verb, subject string) timeline.Event {
	return timeline.Event{Seq: seq, Time: after(minutes), Actor: timeline.Node, Verb: verb, Subject: subject}
}

func TestContainers(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []timeline.Event
		want   map[string]Minutes
		open   bool
	}{
		{"restarted", []timeline.Event{happened(1, 10, "crashed", shop), happened(2, 12, "restarted", shop)}, map[string]Minutes{shop: {Total: 2, Customer: 2}}, false},
		{"its pod is deleted", []timeline.Event{happened(1, 10, "crashed", shop), happened(2, 11, "deleted", "pod/default/shop-1")},
			map[string]Minutes{shop: {Total: 1, Customer: 1}}, false},
		{"its deployment is deleted", []timeline.Event{happened(1, 10, "crashed", shop), happened(2, 13, "deleted", "deployment/default/shop")},
			map[string]Minutes{shop: {Total: 3, Customer: 3}}, false},
		{"another pod is deleted", []timeline.Event{happened(1, 10, "crashed", shop), happened(2, 11, "deleted", "pod/default/shop-12")},
			map[string]Minutes{shop: {Total: 5, Customer: 5}}, false},
		{"never back", []timeline.Event{happened(1, 10, "crashed", shop)}, map[string]Minutes{shop: {Total: 5, Customer: 5}}, false},
		{"back after all", []timeline.Event{happened(1, 10, "crashed", shop), happened(2, 30, "restarted", shop)}, map[string]Minutes{shop: {Total: 5, Customer: 5}}, false},
		{"down now", []timeline.Event{happened(1, 58, "crashed", shop)}, map[string]Minutes{shop: {Total: 2, Customer: 2}}, true},
		{"of the provider", []timeline.Event{happened(1, 58, "crashed", "container/kube-system/dns-1/dns")},
			map[string]Minutes{"container/kube-system/dns-1/dns": {Total: 2, Provider: 2}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Make(Input{From: eight, To: after(60), Events: c.events})
			got := map[string]Minutes{}
			for _, o := range r.Outages {
				got[o.Subject] = o.Minutes
				if open := o.Parts[len(o.Parts)-1].Open; open != c.open {
					t.Errorf("open: got %v, want %v", open, c.open)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestTraffic checks that clients decide whether a workload was out, and what was
// broken then whose that is.
func TestTraffic(t *testing.T) {
	in := Input{
		From: eight, To: after(60),
		Events: []timeline.Event{happened(1, 10, "crashed", shop), happened(2, 14, "restarted", shop), happened(3, 40, "crashed", "container/default/other-1/other")},
		Incidents: []api.JudgedIncident{
			judged("i1", "kube-apiserver", 18, 30, share("provider", 18, 30)),
			judged("i2", "node/a", 19, 25, share("customer", 19, 25)),
			judged("i3", "backup/x", 19, 0, share("provider", 19, 60)),
		},
		Traffic: []api.Traffic{{Spec: traffic.Spec{Name: "web"}, Backends: []string{"default/shop-1"}, Outages: []traffic.Outage{
			{From: after(20), To: after(23), Failed: 180, Reason: "i/o timeout"}, {From: after(50), Failed: 600, Reason: "HTTP 503"},
		}}},
	}
	var got Outage
	for _, o := range Make(in).Outages {
		if o.Subject == shop {
			t.Errorf("a container of a workload that served is out for %v", o.Minutes)
		}
		if o.Subject == "traffic/web" {
			got = o
		}
	}
	want := Outage{Subject: "traffic/web", Kind: KindWorkload, Minutes: Minutes{Total: 13, Customer: 3, Shared: 10}, Parts: []Part{
		{Owner: OwnerCustomer, From: after(20), To: after(23), Incident: "i2", Why: "requests failed: i/o timeout; it was broken"},
		{Owner: OwnerShared, From: after(50), To: after(60), Open: true, Why: "requests failed: HTTP 503; " + lookedAt},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestTrafficThatWaits checks that what fails long after its cause was mended, and while
// the control plane is out, is whose that is: without it no node hears where a pod is now.
func TestTrafficThatWaits(t *testing.T) {
	for _, c := range []struct {
		from float64
		want string
	}{{20.3, OwnerCustomer}, {25, OwnerProvider}, {29.9, OwnerProvider}, {40, OwnerShared}} {
		in := Input{
			From: eight, To: after(60),
			Incidents: []api.JudgedIncident{
				judged("i1", "kube-apiserver", 18, 30, share("provider", 18, 30)),
				judged("i2", "node/a", 20, 21, share("customer", 20, 21)),
			},
			Traffic: []api.Traffic{{Spec: traffic.Spec{Name: "web"}, Failed: 7, Failures: []traffic.Outage{{From: after(c.from), To: after(c.from + 0.5), Failed: 7, Reason: "i/o timeout"}}}},
		}
		var got Requests
		for _, r := range Make(in).Traffic {
			got = r.FailedBy
		}
		want := Requests{}
		want.add(c.want, 7)
		if got != want {
			t.Errorf("requests that fail at minute %v: got %+v, want the %s's", c.from, got, c.want)
		}
	}
}

// TestTrafficByAContainer checks that what a container's crash made fail is whose
// the crash is.
func TestTrafficByAContainer(t *testing.T) {
	in := Input{
		From: eight, To: after(60), Events: []timeline.Event{happened(1, 10, "crashed", shop), happened(2, 14, "restarted", shop)},
		Traffic: []api.Traffic{{Spec: traffic.Spec{Name: "web"}, Backends: []string{"default/shop-1"},
			Outages: []traffic.Outage{{From: after(10).Add(time.Second), To: after(14), Reason: "connection refused"}}}},
	}
	r := Make(in)
	if len(r.Outages) != 1 || r.Outages[0].Parts[0].Owner != OwnerCustomer {
		t.Errorf("got %+v", r.Outages)
	}
}
