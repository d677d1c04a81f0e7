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
	State   string   `json:"state"`
	Reasons []Reason `json:"reasons"`
	// Minutes are how long it was in each state.
	Minutes map[string]float64 `json:"minutes"`
	History []Period           `json:"history"`
}

// Reason is why a cluster is not plainly supported.
type Reason struct {
	State    string    `json:"state"`
	Clause   string    `json:"clause"`
	Sentence string    `json:"sentence"`
	WayBack  string    `json:"wayBack,omitempty"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to,omitzero"` // zero while it lasts
}

// Period is a time in which support was the same.
type Period struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	State   string    `json:"state"`
	Reasons []Reason  `json:"reasons"`
}

func support(s api.Supportability, from, to time.Time) Support {
	out := Support{State: clean(s.State), Reasons: reasonsOf(s.Reasons), Minutes: map[string]float64{}, History: []Period{}}
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
		out.History = append(out.History, Period{From: p.From.UTC(), To: p.To.UTC(), State: state, Reasons: reasonsOf(p.Reasons)})
	}
	return out
}

func reasonsOf(list []api.Reason) []Reason {
	out := make([]Reason, 0, len(list))
	for _, r := range list {
		out = append(out, Reason{
			State: clean(r.State), Clause: clean(r.Clause), Sentence: clean(r.Sentence), WayBack: clean(r.WayBack), From: r.From.UTC(), To: r.To.UTC(),
		})
	}
	return out
}
