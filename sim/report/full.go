package report

import (
	"time"

	"demarc/sim/timeline"
)

// writesOnly is for how many minutes of an outage of the API server it refused writes alone,
// since etcd was full: reads are served then, and deletes.
func writesOnly(in Input, server Outage) (minutes float64) {
	events := map[int64]timeline.Event{}
	for _, e := range in.Events {
		events[e.Seq] = e
	}
	full := map[string]bool{} // incidents by their IDs
	for _, x := range in.Incidents {
		for e, ok := events[x.Incident.Event]; ok; e, ok = events[e.Cause] {
			if e.Verb == "used up" {
				full[clean(x.Incident.ID)] = true
			}
			if e.Cause >= e.Seq {
				break // no cause is younger
			}
		}
	}
	var sum time.Duration
	for _, p := range server.Parts {
		if full[p.Incident] {
			sum += p.To.Sub(p.From)
		}
	}
	return sum.Minutes()
}

// ofAPIServer says for how long the API server was out, and whether for writes alone.
func ofAPIServer(o Outage) string {
	switch lasted := spanOf(o.Minutes.Total); {
	case o.WritesOnly == 0:
		return "the API server was out for " + lasted + " (" + split(o.Minutes) + ")"
	case o.Minutes.Total-o.WritesOnly >= 1.0/60: // a second
		return "the API server was out for " + lasted + " (" + split(o.Minutes) + "), of which " + spanOf(o.WritesOnly) + " for writes only, since etcd was full"
	default:
		return "the API server refused writes for " + lasted + " (" + split(o.Minutes) + "), since etcd was full, and served reads"
	}
}
