package report

import (
	"strings"
	"testing"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// While etcd is full the API server is not out: it refuses writes.
func TestAFullEtcd(t *testing.T) {
	full, lost := judged("i1", "etcd", 10, 20, share("customer", 10, 20)), judged("i2", "etcd", 30, 35, share("provider", 30, 35))
	full.Incident.Event, lost.Incident.Event = 3, 4
	events := []timeline.Event{
		{Seq: 1, Time: after(9), Actor: timeline.Customer, Verb: "filled", Subject: "namespace/load"},
		{Seq: 2, Time: after(10), Actor: timeline.Customer, Verb: "used up", Subject: "etcd", Cause: 1},
		{Seq: 3, Time: after(10), Actor: timeline.Provider, Verb: "noticed", Subject: "etcd", Cause: 2},
		{Seq: 4, Time: after(30), Actor: timeline.Provider, Verb: "crashed", Subject: "etcd"},
	}
	for want, incidents := range map[string][]api.JudgedIncident{
		"In 1h the API server refused writes for 10m (10m the customer's), since etcd was full, and served reads.":                         {full},
		"In 1h the API server was out for 15m (5m the provider's, 10m the customer's), of which 10m for writes only, since etcd was full.": {full, lost},
		"In 1h the API server was out for 5m (5m the provider's).":                                                                         {lost},
	} {
		if got := strings.Join(Make(Input{From: eight, To: after(60), Events: events, Incidents: incidents}).Verdict, "\n"); !strings.HasPrefix(got, want) {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}
