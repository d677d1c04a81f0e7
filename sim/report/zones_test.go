package report

import (
	"slices"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/policy"
	"demarc/sim/timeline"
	"demarc/sim/traffic"
)

// TestZones has a zone be lost from the 20th minute to the 30th, with a node, and the requests
// of a shop fail for as long.
func TestZones(t *testing.T) {
	at := func(seq int64, minutes float64, verb timeline.Verb, subject string, cause int64) timeline.Event {
		return timeline.Event{Seq: seq, Time: after(minutes), Actor: timeline.Platform, Verb: verb, Subject: subject, Cause: cause}
	}
	zone, healed := at(1, 20, "failed", "zone/2", 0), at(4, 30, "healed", "zone/2", 1)
	node := api.JudgedIncident{
		Incident:  api.Incident{ID: "i1", Subject: "node/a", Event: 2, Start: after(20), End: after(31)},
		Judgement: policy.Judgement{Owner: policy.Provider},
	}
	for _, tt := range []struct {
		about    string
		unspread []timeline.Event
		want     Requests
	}{
		{"others answer for it", nil, Requests{Provider: 100}},
		{"all of it was there", []timeline.Event{at(3, 20, "is in one zone", "service/default/shop", 1)}, Requests{Customer: 100}},
		{"another was", []timeline.Event{at(3, 20, "is in one zone", "service/default/shopping", 1)}, Requests{Provider: 100}},
		{"that was long ago", []timeline.Event{at(-2, 1, "failed", "zone/1", 0), at(-1, 1, "is in one zone", "service/default/shop", -2), at(0, 5, "healed", "zone/1", -2)}, Requests{Provider: 100}},
	} {
		t.Run(tt.about, func(t *testing.T) {
			events := append([]timeline.Event{zone, at(2, 20, "stopped", "node/a", 1), healed}, tt.unspread...)
			slices.SortFunc(events, func(a, b timeline.Event) int { return int(a.Seq - b.Seq) })
			r := Make(Input{From: eight, To: after(60), Events: events, Incidents: []api.JudgedIncident{node}, Traffic: []api.Traffic{{
				Spec: traffic.Spec{Name: "buyers", From: "outside", To: "service/shop"}, Sent: 1000, Failed: 100,
				Outages: []traffic.Outage{{From: after(20), To: after(20).Add(10 * time.Minute), Failed: 100, Reason: "i/o timeout"}},
			}}})
			if r.FailedBy != tt.want {
				t.Errorf("got %+v, want %+v", r.FailedBy, tt.want)
			}
		})
	}
}
