package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Incident is one incident, whose it was, and what healed it.
type Incident struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Cause   string `json:"cause"`
	Event   int64  `json:"event,omitempty"`
	// Owner, Coverage and Remedy are those of the judgement; Shares are the owners
	// of the outage, one after the other, if there was more than one.
	Owner  string   `json:"owner"`
	Shares []string `json:"shares,omitempty"`
	// Minutes are the outage's, by owner: the first of Shares broke it, and the others
	// prolonged it.
	Minutes  Minutes  `json:"minutes"`
	Coverage string   `json:"coverage,omitempty"`
	Remedy   string   `json:"remedy,omitempty"`
	Clauses  []string `json:"clauses"`
	Sentence string   `json:"sentence,omitempty"`
	Healer   Healer   `json:"healer"`

	Start    time.Time `json:"start"`
	Detected time.Time `json:"detected,omitzero"`
	End      time.Time `json:"end,omitzero"` // zero while it lasts
	// DetectedAfterSeconds and HealedAfterSeconds are virtual, from Start; 0 if it
	// did not come to that. LastedSeconds is until now if it lasts.
	DetectedAfterSeconds float64 `json:"detectedAfterSeconds,omitempty"`
	HealedAfterSeconds   float64 `json:"healedAfterSeconds,omitempty"`
	LastedSeconds        float64 `json:"lastedSeconds"`
}

// prolonged says of an outage of several owners who broke it and who prolonged it; it is
// empty if it was one owner's.
func (i Incident) prolonged() string {
	var owners []string
	for _, o := range i.Shares {
		if o = ownerOf(o); !slices.Contains(owners, o) {
			owners = append(owners, o)
		}
	}
	if len(owners) < 2 {
		return ""
	}
	text := "broken by " + called(owners[0]) + " (" + spanOf(i.Minutes.of(owners[0])) + ")"
	for _, o := range owners[1:] {
		text += " and prolonged by " + called(o) + " (" + spanOf(i.Minutes.of(o)) + ")"
	}
	return text
}

// called is an owner as who did something.
func called(owner string) string {
	if owner == OwnerShared {
		return "nobody alone"
	}
	return "the " + owner
}

// Healer is who or what healed an incident, or tried to.
type Healer struct {
	// Layer is the layer of self-healing, "restore", or the actor of an event; it
	// is empty if nobody was seen to do anything.
	Layer   string   `json:"layer,omitempty"`
	Actions []string `json:"actions,omitempty"`
	// By is the ID of the repair or of the restore.
	By string `json:"by,omitempty"`
	// Outcome is that of the repair, or the phase of the restore.
	Outcome string `json:"outcome,omitempty"`
}

func incident(x api.JudgedIncident, h healers, now time.Time) Incident {
	i, j := x.Incident, x.Judgement
	out := Incident{
		ID: clean(i.ID), Subject: clean(i.Subject), Cause: clean(i.Cause), Event: i.Event,
		Owner: clean(cmp.Or(j.Owner, string(i.Owner))), Coverage: clean(j.Coverage), Remedy: clean(j.Remedy),
		Clauses: cleanAll(j.Clauses), Sentence: clean(j.Sentence), Healer: h.of(i),
		Start: i.Start.UTC(), Detected: i.Detected.UTC(), End: i.End.UTC(),
	}
	for _, s := range j.Shares {
		if s.Clause != "" && !slices.Contains(out.Clauses, clean(s.Clause)) {
			out.Clauses = append(out.Clauses, clean(s.Clause))
		}
		if n := len(out.Shares); n == 0 || out.Shares[n-1] != clean(s.Owner) {
			out.Shares = append(out.Shares, clean(s.Owner))
		}
	}
	if len(out.Shares) == 1 {
		out.Shares = nil
	}
	if !i.Detected.IsZero() {
		out.DetectedAfterSeconds = i.Detected.Sub(i.Start).Seconds()
	}
	if out.LastedSeconds = max(0, now.Sub(i.Start).Seconds()); !i.End.IsZero() {
		out.HealedAfterSeconds = i.End.Sub(i.Start).Seconds()
		out.LastedSeconds = out.HealedAfterSeconds
	}
	for _, p := range partsOf(x, now) {
		out.Minutes.add(p.Owner, max(0, p.To.Sub(p.From)))
	}
	return out
}

// healers finds who healed an incident.
type healers struct {
	repairs  map[string][]api.Repair // by what was out
	restores []api.Restore
	events   map[string][]timeline.Event // of mending, by subject
}

func healersOf(in Input) healers {
	h := healers{repairs: map[string][]api.Repair{}, restores: in.Restores, events: map[string][]timeline.Event{}}
	for _, r := range in.Repairs {
		subject := r.Subject
		if r.Node != "" {
			subject = "node/" + r.Node
		}
		name, _ := subjectOf(subject)
		h.repairs[name] = append(h.repairs[name], r)
	}
	for _, e := range in.Events {
		if m := e.Verb.Means(); m.Effect == timeline.Mends || m.Repair && !m.Bad {
			h.events[e.Subject] = append(h.events[e.Subject], e)
		}
	}
	return h
}

// seenLate is how far the times of a repair may be from those of its incident:
// both are entered when somebody notices.
const seenLate = time.Minute

// of is the repair of an incident that healed it, or else the last that tried; or
// a restore; or who did something by the timeline.
func (h healers) of(i api.Incident) Healer {
	name, kind := subjectOf(i.Subject)
	var best api.Repair
	for _, r := range h.repairs[name] {
		if belongs(i, r) && (best.ID == "" || r.Outcome == api.RepairHealed || best.Outcome != api.RepairHealed) {
			best = r
		}
	}
	if best.ID != "" {
		return Healer{Layer: clean(best.Layer), Actions: actions(best), By: clean(best.ID), Outcome: clean(best.Outcome)}
	}
	for _, r := range h.restores {
		if kind == KindAPIServer && !r.Decided.Before(i.Start) && (i.End.IsZero() || !r.Decided.After(i.End)) {
			return Healer{Layer: "restore", Actions: []string{clean("backup " + cmp.Or(r.Backup, "not chosen"))}, By: clean(r.ID), Outcome: clean(r.Phase)}
		}
	}
	if i.End.IsZero() {
		return Healer{}
	}
	for _, e := range slices.Backward(h.events[i.Subject]) {
		if !e.Time.Before(i.Start) && !e.Time.After(i.End) {
			return Healer{Layer: clean(string(e.Actor)), Actions: []string{clean(strings.TrimSpace(string(e.Verb) + " " + e.Subject))}}
		}
	}
	return Healer{}
}

// belongs says whether a repair, of what an incident is of, is of this incident.
func belongs(i api.Incident, r api.Repair) bool {
	whole := r.Subject == i.Subject || strings.HasPrefix(r.Subject, "node/") || strings.HasPrefix(i.Subject, "node/")
	if r.Subject != i.Subject && !i.End.IsZero() && (r.Detected.After(i.End) || r.Outcome == api.RepairHealed && r.Healed.After(i.End.Add(seenLate))) {
		return false // another part of the node, which was out for longer
	}
	if i.Event != 0 && i.Event == r.Event && whole {
		return true
	}
	end := i.End
	if end.IsZero() {
		end = r.Broken
	}
	if r.Broken.Before(i.Start.Add(-seenLate)) || r.Broken.After(end) {
		return false
	}
	// A node has several parts: a repair of another part is another's.
	return whole
}

// actions are what was done, in order.
func actions(r api.Repair) []string {
	list := []string{}
	for _, a := range r.Actions {
		word := a.Action
		if a.Detail != "" {
			word += " " + a.Detail
		}
		if a.Error != "" {
			word += " (" + a.Error + ")"
		}
		list = append(list, clean(word))
	}
	return list
}
