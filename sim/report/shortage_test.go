package report

import (
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"
)

// TestShortages has the requests of a node's clients fail for ten minutes from the 20th on.
func TestShortages(t *testing.T) {
	port := func(minutes float64, verb timeline.Verb, node, to string) timeline.Event {
		return timeline.Event{Seq: int64(minutes), Time: after(minutes), Actor: timeline.Platform, Verb: verb, Subject: node,
			Detail: &timeline.Detail{SNAT: &timeline.SNAT{Destination: to, Ports: 1024}}}
	}
	const server = "198.18.0.1:80"
	for _, tt := range []struct {
		about  string
		events []timeline.Event
		want   Requests
	}{
		{"nothing is short", nil, Requests{Shared: 100}},
		{"the node is short", []timeline.Event{port(20, "lacks ports", "node/a", server)}, Requests{Customer: 100}},
		{"another node is", []timeline.Event{port(20, "lacks ports", "node/b", server)}, Requests{Shared: 100}},
		{"for another destination", []timeline.Event{port(20, "lacks ports", "node/a", "198.18.0.1:443")}, Requests{Shared: 100}},
		{"not any more", []timeline.Event{port(10, "lacks ports", "node/a", server), port(15, "has ports again", "node/a", server)}, Requests{Shared: 100}},
	} {
		t.Run(tt.about, func(t *testing.T) {
			r := Make(Input{From: eight, To: after(60), Events: tt.events, Traffic: []api.Traffic{{
				Spec: traffic.Spec{Name: "erp", From: "node/a", To: "http://198.18.0.1/"}, Sent: 1000, Failed: 100,
				Outages: []traffic.Outage{{From: after(20), To: after(20).Add(10 * time.Minute), Failed: 100, Reason: "i/o timeout"}},
			}}})
			if r.FailedBy != tt.want {
				t.Errorf("got %+v, want %+v", r.FailedBy, tt.want)
			}
		})
	}
}
