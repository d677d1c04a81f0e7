// Package probe is the book of the provider's probes: how well the cluster's DNS, the
// tunnel and each load balancer do their work for their clients. A lapse in it is no
// incident: outages have a book of their own.
package probe

import (
	"slices"
	"sync"
	"time"

	"demarc/sim/api"
)

// Probes are sent as Azure's load balancers send theirs: every 5 s, and two in a row that
// find fault count (Microsoft, "Azure Load Balancer health probes").
const (
	Period   = 5 * time.Second
	failures = 2
)

// Finding is what one probe has found: how much serves of what the subject has to serve
// with.
type Finding struct {
	Subject     string
	Serving, Of int
}

// state is what a finding says. What has nothing to serve with is down.
func (f Finding) state() string {
	switch {
	case f.Serving == 0:
		return api.ProbeDown
	case f.Serving < f.Of:
		return api.ProbeDegraded
	}
	return api.ProbeUp
}

// Book is what the probes have found. Its zero value is empty.
type Book struct {
	mu      sync.Mutex
	all     []api.Availability
	suspect map[string]suspicion // by subject, what does not count yet
}

// suspicion is a state in which something was found, how often in a row and since when.
type suspicion struct {
	state string
	times int
	since time.Time
}

// Keep takes over what an earlier engine has found; its lapses ended with it.
func (b *Book) Keep(list []api.Availability, ended time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = clone(list)
	for n := range b.all {
		b.end(&b.all[n], ended)
	}
}

// Take takes in what all probes have found at a time. What is probed no more has no lapse.
func (b *Book) Take(found []Finding, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range b.all {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Subject == b.all[n].Subject }) {
			b.end(&b.all[n], at)
			delete(b.suspect, b.all[n].Subject)
		}
	}
	if b.suspect == nil {
		b.suspect = map[string]suspicion{}
	}
	for _, f := range found {
		n := slices.IndexFunc(b.all, func(a api.Availability) bool { return a.Subject == f.Subject })
		if n < 0 {
			n = len(b.all)
			b.all = append(b.all, api.Availability{Subject: f.Subject, Since: at.UTC(), Lapses: []api.Lapse{}})
		}
		b.take(&b.all[n], f, at)
	}
}

// take takes in what one probe has found; the caller holds mu.
func (b *Book) take(a *api.Availability, f Finding, at time.Time) {
	state, open := f.state(), (*api.Lapse)(nil)
	if n := len(a.Lapses); n > 0 && a.Lapses[n-1].To.IsZero() {
		open = &a.Lapses[n-1]
	}
	if open != nil && open.State == state {
		if f.Serving < open.Serving {
			open.Serving, open.Of = f.Serving, f.Of
		}
		delete(b.suspect, f.Subject)
		return
	}
	since := at
	if state != api.ProbeUp {
		s := b.suspect[f.Subject]
		if s.state != state {
			s = suspicion{state: state, since: at}
		}
		if s.times++; s.times < failures {
			b.suspect[f.Subject] = s
			return
		}
		since = s.since
	}
	delete(b.suspect, f.Subject)
	b.end(a, since)
	if state != api.ProbeUp {
		a.Lapses = append(a.Lapses, api.Lapse{State: state, From: since.UTC(), Serving: f.Serving, Of: f.Of})
	}
}

// end ends the lapse of something, if it has one; the caller holds mu.
func (b *Book) end(a *api.Availability, at time.Time) {
	if n := len(a.Lapses); n > 0 && a.Lapses[n-1].To.IsZero() {
		a.Lapses[n-1].To = at.UTC()
	}
}

// List is what was found so far.
func (b *Book) List() []api.Availability {
	b.mu.Lock()
	defer b.mu.Unlock()
	return clone(b.all)
}

func clone(list []api.Availability) []api.Availability {
	out := make([]api.Availability, 0, len(list))
	for _, a := range list {
		a.Lapses = append([]api.Lapse{}, a.Lapses...)
		out = append(out, a)
	}
	return out
}
