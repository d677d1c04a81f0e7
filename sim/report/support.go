package report

import (
	"time"

	"demarc/sim/api"
)

// States of support.
const (
	supported   = "supported"
	atRisk      = "at-risk"
	unsupported = "unsupported"
)

// Support is whether the cluster was supported.
type Support struct {
	// State is how it is at the end: supported, at-risk, unsupported, or empty if
	// that is not known.
	State   string       `json:"state"`
	Reasons []api.Reason `json:"reasons"`
	// Minutes are how long it was in each state.
	Minutes map[string]float64 `json:"minutes"`
	History []api.Period       `json:"history"`
}

func support(s api.Supportability, from, to time.Time) Support {
	out := Support{State: clean(s.State), Reasons: reasonsOf(s.Reasons), Minutes: map[string]float64{}, History: []api.Period{}}
	for _, p := range s.History {
		if p.From.Before(from) {
			p.From = from
		}
		if p.To.After(to) {
			p.To = to
		}
		if !p.To.After(p.From) {
			continue
		}
		state := clean(p.State)
		out.Minutes[state] += p.To.Sub(p.From).Minutes()
		out.History = append(out.History, api.Period{From: p.From.UTC(), To: p.To.UTC(), State: state, Reasons: reasonsOf(p.Reasons)})
	}
	return out
}

func reasonsOf(list []api.Reason) []api.Reason {
	out := make([]api.Reason, 0, len(list))
	for _, r := range list {
		out = append(out, api.Reason{
			State: clean(r.State), Event: r.Event, Clause: clean(r.Clause), Sentence: clean(r.Sentence), WayBack: clean(r.WayBack), From: r.From.UTC(), To: r.To.UTC(),
		})
	}
	return out
}
