package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Loss is something that is gone for good.
type Loss struct {
	// By is the ID of the repair or restore that it was lost with; empty if only the
	// provider knows it.
	By   string    `json:"by,omitempty"`
	What string    `json:"what"`
	At   time.Time `json:"at,omitzero"`
	// RPOSeconds is, of a restore, how much of the past is gone.
	RPOSeconds float64 `json:"rpoSeconds,omitempty"`
	// Undone is what a restore has done to the customer's objects.
	Undone *Undone `json:"undone,omitempty"`
}

// Rows say what a restore has done to objects, one each.
func (l Loss) Rows() []string { return l.Undone.rows() }

// Undone are the customer's objects that a restore of etcd has changed, by what was done
// to them between the backup and the loss: KIND/NAMESPACE/NAME, in alphabetical order.
type Undone struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Gone were made in that time, Back were deleted, and Older were changed.
	Gone  []string `json:"gone"`
	Back  []string `json:"back"`
	Older []string `json:"older"`
	// More counts those that are not named.
	More int `json:"more,omitempty"`
}

// rows are what is said of it, one line each.
func (u *Undone) rows() (rows []string) {
	if u == nil {
		return nil
	}
	for _, x := range []struct {
		what string
		list []string
	}{{"gone", u.Gone}, {"back again", u.Back}, {"as it was before", u.Older}} {
		for _, name := range x.list {
			rows = append(rows, x.what+": "+name)
		}
	}
	if u.More > 0 {
		rows = append(rows, fmt.Sprintf("and %d more", u.More))
	}
	return rows
}

// maxUndone is how many objects are named of each restore.
const maxUndone = 100

// lost is what repairs and restores could not bring back. What a restore has undone is on
// the timeline, also for customers, who know of no restores.
func lost(in Input) []Loss {
	list := []Loss{}
	for _, r := range in.Repairs {
		for _, what := range r.Lost {
			list = append(list, Loss{By: clean(r.ID), What: clean(what), At: r.Broken.UTC()})
		}
	}
	known := map[time.Time]bool{}
	for _, e := range in.Events {
		if e.Detail == nil || e.Detail.Undone == nil {
			continue
		}
		span := *e.Detail.Undone
		l := Loss{What: clean("what was written to the API server: " + e.Message), At: span.To.UTC(), RPOSeconds: span.To.Sub(span.From).Seconds(), Undone: undone(in.Events, span)}
		for _, r := range in.Restores {
			if r.Lost.Equal(span.To) {
				l.By = clean(r.ID)
			}
		}
		known[span.To.UTC()] = true
		list = append(list, l)
	}
	for _, r := range in.Restores { // of earlier versions
		if r.Phase == api.RestoreDone && r.RPOSeconds != 0 && !known[r.Lost.UTC()] {
			what := "what was written to the API server between the backup " + r.Backup + " and the loss of etcd"
			if r.Error != "" {
				what += "; " + r.Error
			}
			list = append(list, Loss{By: clean(r.ID), What: clean(what), At: r.Lost.UTC(), RPOSeconds: r.RPOSeconds})
		}
	}
	return list
}

// undone is what customers did in a span of time, which is undone. Of an object that was
// made and deleted in it nothing is left to say.
func undone(events []timeline.Event, span timeline.Span) *Undone {
	const gone, back, older = "gone", "back", "older"
	state := map[string]string{}
	for _, e := range events {
		if e.Actor != timeline.Customer || e.Time.Before(span.From) || !e.Time.Before(span.To) || !ofObjects(e) {
			continue
		}
		name := clean(e.Subject)
		was, known := state[name]
		switch {
		case e.Verb == "created" && was == back:
			state[name] = older // another of that name
		case (e.Verb == "created" || e.Verb == "applied") && !known:
			state[name] = gone
			if e.Verb == "applied" && existed(events, e.Subject, span.From) {
				state[name] = older
			}
		case e.Verb.Means().Gone && was == gone:
			delete(state, name)
		case e.Verb.Means().Gone:
			state[name] = back
		case !known:
			state[name] = older
		}
	}
	u := &Undone{From: span.From.UTC(), To: span.To.UTC(), Gone: []string{}, Back: []string{}, Older: []string{}}
	for n, name := range slices.Sorted(maps.Keys(state)) {
		if n >= maxUndone {
			u.More++
			continue
		}
		switch state[name] {
		case gone:
			u.Gone = append(u.Gone, name)
		case back:
			u.Back = append(u.Back, name)
		default:
			u.Older = append(u.Older, name)
		}
	}
	return u
}

// objectVerbs are what customers do to objects of the API server.
var objectVerbs = []timeline.Verb{
	"created", "applied", "updated", "patched", "scaled", "deleted", "deleted all of", "deleted the Node object of", "evicted", "labelled",
	"annotated", "cordoned", "uncordoned",
}

// elsewhere are the first words of what is not the API server's.
var elsewhere = []string{"traffic", "nodepool", "nsg", "cluster", "feature", "featuregate", "case"}

// ofObjects says whether an event is about an object of the API server.
func ofObjects(e timeline.Event) bool {
	kind, _, _ := strings.Cut(e.Subject, "/")
	return slices.Contains(objectVerbs, e.Verb) && !slices.Contains(elsewhere, kind) && (e.Detail == nil || !e.Detail.Resource)
}

// existed says whether an object was there at a time, by what customers did to it before.
func existed(events []timeline.Event, subject string, at time.Time) (is bool) {
	for _, e := range events {
		if !e.Time.Before(at) {
			break
		}
		if e.Subject == subject && ofObjects(e) {
			is = !e.Verb.Means().Gone
		}
	}
	return is
}
