package report

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"
)

func acted(seq int64, minutes float64, verb timeline.Verb, subject string) timeline.Event {
	return timeline.Event{Seq: seq, Time: after(minutes), Actor: timeline.Customer, Verb: verb, Subject: subject}
}

// ruled is a rule of a security group that the customer has made.
func ruled(minutes float64, direction, access string) timeline.Event {
	e := acted(1, minutes, "changed", "nsg")
	e.Detail = &timeline.Detail{Rule: &timeline.SecurityRule{Name: "r", Direction: direction, Access: access}}
	return e
}

// lossy is a fault of the network between machines, some minutes after eight.
func lossy(minutes float64) timeline.Event {
	e := acted(1, minutes, "is lossy", "node/a")
	e.Actor = timeline.Platform
	return e
}

// TestActs has requests fail for two minutes from the 20th on, after what customers did.
func TestActs(t *testing.T) {
	const second = 1.0 / 60
	for _, c := range []struct {
		name   string
		to     string
		events []timeline.Event
		want   string
	}{
		{"nothing happened", "service/shop", nil, OwnerShared},
		{"scaled to nought", "service/shop", []timeline.Event{acted(1, 20, "scaled", "deployment/default/shop")}, OwnerCustomer},
		{"a rollout that does not become ready", "service/shop", []timeline.Event{acted(1, 13, "patched", "deployment/default/shop")}, OwnerCustomer},
		{"a rollout that was long ago", "service/shop", []timeline.Event{acted(1, 5, "patched", "deployment/default/shop")}, OwnerShared},
		{"a selector that matches nothing", "service/shop", []timeline.Event{acted(1, 20, "patched", "service/default/shop")}, OwnerCustomer},
		{"while the first request was under way", "service/shop", []timeline.Event{acted(1, 20+second, "patched", "service/default/shop")}, OwnerCustomer},
		{"after it", "service/shop", []timeline.Event{acted(1, 20+3*second, "patched", "service/default/shop")}, OwnerShared},
		{"a Service, minutes before", "service/shop", []timeline.Event{acted(1, 17, "patched", "service/default/shop")}, OwnerShared},
		{"another Service", "service/shop", []timeline.Event{acted(1, 20, "deleted", "service/default/shop-2")}, OwnerShared},
		{"another namespace's", "service/shop", []timeline.Event{acted(1, 20, "deleted", "service/test/shop")}, OwnerShared},
		{"by its name in DNS", "http://shop.default.svc.cluster.local/", []timeline.Event{acted(1, 20, "deleted", "service/default/shop")}, OwnerCustomer},
		{"with a port", "service/default/shop:80", []timeline.Event{acted(1, 20, "deleted", "service/default/shop")}, OwnerCustomer},
		{"its namespace", "service/shop", []timeline.Event{acted(1, 20, "deleted", "namespace/default")}, OwnerCustomer},
		{"a pod of another", "service/shop", []timeline.Event{acted(1, 20, "deleted", "pod/default/other-1")}, OwnerShared},
		{"a misspelt annotation of a pod", "service/shop", []timeline.Event{acted(1, 20, "annotated wrongly", "pod/default/shop-86c5888d6f-86px5")}, OwnerShared},
		{"a node that was tainted", "service/shop", []timeline.Event{acted(1, 20, "patched", "node/a")}, OwnerCustomer},
		{"a node, minutes before", "service/shop", []timeline.Event{acted(1, 17, "cordoned", "node/a")}, OwnerShared},
		{"a node that was labelled", "service/shop", []timeline.Event{acted(1, 20, "labelled", "node/a")}, OwnerShared},
		{"a network policy", "service/shop", []timeline.Event{acted(1, 20, "created", "networkpolicy/default/deny")}, OwnerCustomer},
		{"another namespace's policy", "service/shop", []timeline.Event{acted(1, 20, "created", "networkpolicy/test/deny")}, OwnerShared},
		{"the cluster is stopped", "service/shop", []timeline.Event{acted(1, 5, "started stop of", "cluster/c"), acted(2, 22, "is running", "cluster/c")}, OwnerCustomer},
		{"the cluster was stopped, and runs", "service/shop", []timeline.Event{acted(1, 5, "started stop of", "cluster/c"), acted(2, 12, "is running", "cluster/c")}, OwnerShared},
		{"a rule that lets nobody in", "service/shop", []timeline.Event{ruled(20, "Inbound", "Deny")}, OwnerCustomer},
		{"a rule that lets somebody in", "service/shop", []timeline.Event{ruled(20, "Inbound", "Allow")}, OwnerShared},
		{"a lossy network", "service/shop", []timeline.Event{lossy(5)}, OwnerProvider},
		{"a lossy network that was healed", "service/shop", []timeline.Event{lossy(5), {Seq: 2, Time: after(15), Verb: "healed", Subject: "node/a", Cause: 1}}, OwnerShared},
		{"a route", "service/shop", []timeline.Event{acted(1, 20, "deleted", "route/node-a"), {Seq: 2, Time: after(30), Verb: "restored", Subject: "route/node-a"}}, OwnerCustomer},
		{"a route that was made again", "service/shop", []timeline.Event{acted(1, 15, "deleted", "route/node-a"), {Seq: 2, Time: after(17), Verb: "restored", Subject: "route/node-a"}}, OwnerShared},
		{"by a controller", "service/shop", []timeline.Event{{Seq: 1, Time: after(20), Actor: timeline.Kubernetes, Verb: "scaled", Subject: "deployment/default/shop"}}, OwnerShared},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Make(Input{From: eight, To: after(60), Events: c.events, Traffic: []api.Traffic{{
				Spec: traffic.Spec{Name: "web", From: "outside", To: c.to}, Sent: 1000, Failed: 125, Backends: []string{"default/shop-86c5888d6f-86px5"},
				Outages:  []traffic.Outage{{From: after(20), To: after(22), Failed: 120, Reason: "connection refused"}},
				Failures: []traffic.Outage{{From: after(40), To: after(40), Failed: 5, Reason: "i/o timeout"}},
			}}})
			if got := r.Outages[0].Parts[0].Owner; got != c.want {
				t.Errorf("the outage is %s's, want %s's: %s", got, c.want, r.Outages[0].Parts[0].Why)
			}
			want := Requests{Shared: 125}
			if c.want == OwnerCustomer {
				want = Requests{Customer: 120, Shared: 5}
			}
			if c.want == OwnerProvider {
				want = Requests{Provider: 125}
			}
			if r.FailedBy != want || r.Traffic[0].FailedBy != want {
				t.Errorf("failed requests: %+v and %+v, want %+v", r.FailedBy, r.Traffic[0].FailedBy, want)
			}
		})
	}
}

// TestIngress has requests for a host fail behind an Ingress controller.
func TestIngress(t *testing.T) {
	const controller = "app-routing-system/nginx-1"
	for _, c := range []struct {
		name, host string
		backends   []string
		event      timeline.Event
		want       string
	}{
		{"an Ingress", "shop.example", []string{controller, "default/shop-1"}, acted(1, 20, "patched", "ingress/default/shop"), OwnerCustomer},
		{"an Ingress that was there from the beginning", "shop.example", []string{controller}, acted(1, 19.5, "created", "ingress/default/shop"), OwnerCustomer},
		{"a Service behind", "shop.example", []string{controller, "default/shop-1"}, acted(1, 20, "deleted", "service/default/shop"), OwnerCustomer},
		{"a Service elsewhere", "shop.example", []string{controller, "default/shop-1"}, acted(1, 20, "deleted", "service/test/shop"), OwnerShared},
		{"a Service that may be behind", "shop.example", []string{controller}, acted(1, 20, "deleted", "service/test/shop"), OwnerCustomer},
		{"by the controller's own name", "", []string{controller}, acted(1, 20, "patched", "ingress/default/shop"), OwnerShared},
	} {
		r := Make(Input{From: eight, To: after(60), Events: []timeline.Event{c.event}, Traffic: []api.Traffic{{
			Spec: traffic.Spec{Name: "web", From: "outside", To: "service/app-routing-system/nginx", Host: c.host}, Sent: 1000, Failed: 120, Backends: c.backends,
			Outages: []traffic.Outage{{From: after(20), To: after(22), Failed: 120, Reason: "HTTP 503"}},
		}}})
		if got := r.Outages[0].Parts[0].Owner; got != c.want {
			t.Errorf("%s: the outage is %s's, want %s's", c.name, got, c.want)
		}
	}
}

// TestStopped checks that a stop of the cluster is said, and is no outage.
func TestStopped(t *testing.T) {
	r := Make(Input{From: eight, To: after(120), Events: []timeline.Event{
		acted(1, 10, "started stop of", "cluster/c"), acted(2, 40, "is running", "cluster/c"), acted(3, 110, "started stop of", "cluster/c"),
	}})
	if r.StoppedMinutes != 40 || r.APIServer.Minutes.Total != 0 || !strings.Contains(strings.Join(r.Verdict, " "), "For 40m of it the customer had the cluster stopped") {
		t.Errorf("stopped for %v minutes: %q", r.StoppedMinutes, r.Verdict)
	}
}

// TestALaterCauseCounts checks that what a node's loss made fail is not put down to what
// the customer did before.
func TestALaterCauseCounts(t *testing.T) {
	r := Make(Input{
		From: eight, To: after(60), Events: []timeline.Event{acted(1, 15, "patched", "deployment/default/shop")},
		Incidents: []api.JudgedIncident{judged("i1", "node/a", 19, 25, share("provider", 19, 25))},
		Traffic: []api.Traffic{{Spec: traffic.Spec{Name: "web", To: "service/shop"}, Sent: 100, Failed: 30, Backends: []string{"default/shop-1"},
			Outages: []traffic.Outage{{From: after(20).Add(time.Second), To: after(22), Failed: 30, Reason: "i/o timeout"}}}},
	})
	if r.FailedBy != (Requests{Provider: 30}) {
		t.Errorf("failed requests: %+v, want the provider's", r.FailedBy)
	}
}

// TestWhatALaterActProlongs has the customer scale to nought what a node of the provider's
// keeps from serving: the time after the node's return is the customer's, and so are the
// requests.
func TestWhatALaterActProlongs(t *testing.T) {
	node := api.JudgedIncident{
		Incident:  api.Incident{ID: "i1", Subject: "node/a", Owner: timeline.Provider, Event: 1, Start: after(20), End: after(25)},
		Judgement: api.Judgement{Owner: OwnerProvider},
	}
	for _, c := range []struct {
		name     string
		at       float64
		minutes  Minutes
		requests Requests
	}{
		{"while the node is off", 22, Minutes{Total: 10, Provider: 6, Customer: 4}, Requests{Provider: 600, Customer: 400}},
		{"after it is back, and the shop is out still", 25.5, Minutes{Total: 10, Provider: 6, Customer: 4}, Requests{Provider: 600, Customer: 400}},
		{"long before", 5, Minutes{Total: 10, Provider: 10}, Requests{Provider: 1000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Make(Input{
				From: eight, To: after(60), Incidents: []api.JudgedIncident{node},
				Events: []timeline.Event{acted(2, c.at, "scaled", "deployment/default/shop")},
				Traffic: []api.Traffic{{
					Spec: traffic.Spec{Name: "web", To: "service/shop"}, Sent: 2000, Failed: 1000, Backends: []string{"default/shop-86c5888d6f-86px5"},
					Outages: []traffic.Outage{{From: after(20), To: after(30), Failed: 1000, Reason: "i/o timeout"}},
				}},
			})
			for _, o := range r.Outages {
				if o.Kind == KindWorkload && o.Minutes != c.minutes {
					t.Errorf("got %+v, want %+v", o.Minutes, c.minutes)
				}
			}
			if r.FailedBy != c.requests {
				t.Errorf("failed requests: got %+v, want %+v", r.FailedBy, c.requests)
			}
		})
	}
}

// TestLateFailures has requests fail just after a first one has succeeded again: they are of
// what is just mended, a rule that was taken back or a node that came back.
func TestLateFailures(t *testing.T) {
	made, gone := ruled(20, inbound, deny), ruled(25, "", "")
	gone.Seq = 2
	node := api.JudgedIncident{
		Incident:  api.Incident{ID: "i1", Subject: "node/a", Owner: timeline.Provider, Event: 1, Start: after(20), End: after(25)},
		Judgement: api.Judgement{Owner: OwnerProvider},
	}
	for name, c := range map[string]struct {
		in   Input
		want Requests
	}{
		"a rule": {Input{Events: []timeline.Event{made, gone}}, Requests{Customer: 101}},
		"a node": {Input{Incidents: []api.JudgedIncident{node}}, Requests{Provider: 101}},
	} {
		in := c.in
		in.From, in.To = eight, after(60)
		in.Traffic = []api.Traffic{{
			Spec: traffic.Spec{Name: "web", From: "outside", To: "service/shop"}, Sent: 200, Failed: 101,
			Outages:  []traffic.Outage{{From: after(20), To: after(25.2), Failed: 100, Reason: "i/o timeout"}},
			Failures: []traffic.Outage{{From: after(25.3), To: after(25.4), Failed: 1, Reason: "i/o timeout"}},
		}}
		if r := Make(in); r.FailedBy != c.want {
			t.Errorf("%s: got %+v, want %+v", name, r.FailedBy, c.want)
		}
	}
}

// TestTheActOfTheMoment has the shop applied minutes before a node is tainted: what shows in
// that moment is the taint.
func TestTheActOfTheMoment(t *testing.T) {
	r := Make(Input{
		From: eight, To: after(60), Events: []timeline.Event{acted(1, 15, "applied", "deployment/default/shop"), acted(2, 20.01, "patched", "node/a")},
		Traffic: []api.Traffic{{
			Spec: traffic.Spec{Name: "web", To: "service/shop"}, Sent: 200, Failed: 100, Backends: []string{"default/shop-86c5888d6f-86px5"},
			Outages: []traffic.Outage{{From: after(20), To: after(30), Failed: 100, Reason: "connection refused"}},
		}},
	})
	if why := r.Outages[0].Parts[0].Why; !strings.Contains(why, "node/a") {
		t.Errorf("got %s, want the taint", why)
	}
}
