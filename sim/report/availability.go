package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/traffic"
)

// Availability is how one thing did its work for its clients, by the provider's probes, for
// as long as it was probed. None of it adds to the outages, which have their own book.
type Availability struct {
	Subject string `json:"subject"`
	// UpMinutes, DegradedMinutes and DownMinutes add up to the time in which it was probed.
	UpMinutes       float64 `json:"upMinutes"`
	DegradedMinutes float64 `json:"degradedMinutes"`
	DownMinutes     float64 `json:"downMinutes"`
	// Down is whose the minutes were in which it was down.
	Down Minutes `json:"down"`
	// Percent is the share of the time in which it served, degraded or not: that is what a
	// service level counts.
	Percent float64 `json:"percent"`
	Lapses  []Lapse `json:"lapses"`
}

// Lapse is a time in which something was degraded or down.
type Lapse struct {
	State string    `json:"state"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Open  bool      `json:"open,omitempty"`
	// Serving is the least that served, of what there was to serve with.
	Serving int `json:"serving"`
	Of      int `json:"of"`
	// Owner is whose it was that it was down, and Incident the one by which; of what was
	// degraded they are empty.
	Owner    string `json:"owner,omitempty"`
	Incident string `json:"incident,omitempty"`
	Why      string `json:"why,omitempty"`
}

// availabilities are what the probes have found within a time.
func availabilities(in Input, from, to time.Time) []Availability {
	list := []Availability{}
	others, down := incidentParts(in, to), containers(in, to)
	maps.DeleteFunc(down, func(name string, _ []Part) bool { return strings.HasPrefix(name, "container/kube-system/") })
	for _, a := range in.Availability {
		if since := latest(a.Since, from); to.After(since) {
			list = append(list, availabilityOf(a, probedCauses(in, a.Subject, others, down), since, to))
		}
	}
	slices.SortFunc(list, func(a, b Availability) int { return strings.Compare(a.Subject, b.Subject) })
	return list
}

func availabilityOf(a api.Availability, causes causes, from, to time.Time) Availability {
	out := Availability{Subject: clean(a.Subject), Lapses: []Lapse{}}
	for _, l := range a.Lapses {
		x := Lapse{State: clean(l.State), From: latest(l.From, from).UTC(), To: l.To.UTC(), Open: l.To.IsZero(), Serving: l.Serving, Of: l.Of}
		if x.Open || x.To.After(to) {
			x.To = to.UTC()
		}
		if !x.To.After(x.From) {
			continue
		}
		lasted := x.To.Sub(x.From)
		if l.State == api.ProbeDown {
			p := probedPart(l, causes, to)
			x.Owner, x.Incident, x.Why = p.Owner, p.Incident, p.Why
			out.DownMinutes += lasted.Minutes()
			out.Down.allot(x, causes)
		} else {
			out.DegradedMinutes += lasted.Minutes()
		}
		out.Lapses = append(out.Lapses, x)
	}
	all := to.Sub(from).Minutes()
	out.UpMinutes = max(0, all-out.DegradedMinutes-out.DownMinutes)
	out.Percent = 100 * (all - out.DownMinutes) / all
	return out
}

// allot adds the time in which something was down: what the owners of its incident have of
// it, one after the other, and to the last of them what it takes until that shows.
func (m *Minutes) allot(x Lapse, causes causes) {
	left, last := x.To.Sub(x.From), x.Owner
	for _, c := range slices.Concat(causes.broke, causes.planes) {
		from, to := latest(c.From, x.From), c.To
		if to.After(x.To) {
			to = x.To
		}
		if x.Incident != "" && c.Incident == x.Incident && to.After(from) {
			m.add(c.Owner, to.Sub(from))
			left, last = left-to.Sub(from), c.Owner
		}
	}
	if left > 0 {
		m.add(last, left)
	}
}

// probedCauses are what can have kept something from serving: incidents, and of a load
// balancer also containers, and what customers have done to its Service and pods.
func probedCauses(in Input, subject string, others, down map[string][]Part) causes {
	service, balanced := strings.CutPrefix(subject, api.ProbeLoadBalancer)
	if !balanced {
		return causesOf(others, nil)
	}
	t := api.Traffic{Spec: traffic.Spec{To: "service/" + service}}
	for _, x := range in.Traffic {
		if x.Service() == service {
			t.Backends = append(t.Backends, x.Backends...)
		}
	}
	return causesOf(others, down).and(acts(in, t))
}

// probedPart is whose it was that something was down, found as for requests that fail.
func probedPart(l api.Lapse, causes causes, now time.Time) Part {
	return trafficPart(traffic.Outage{From: l.From, To: l.To, Reason: fmt.Sprintf("none of %d served", l.Of)}, 0, causes, now)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (r Report) textAvailability(w io.Writer) {
	if len(r.Availability) > 0 {
		fmt.Fprintf(w, "\nPROBED\tUP\tDEGRADED\tDOWN\tAVAILABLE\n")
	}
	for _, a := range r.Availability {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.3f%%\n", a.Subject, dash(a.UpMinutes), dash(a.DegradedMinutes), dash(a.DownMinutes), a.Percent)
	}
}
