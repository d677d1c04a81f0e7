// Package report says what came of a drill or of the life of a cluster: whose
// outages there were and for how long, what healed them, what was lost, whether
// the cluster was supported, and all that again in a few words.
//
// [Make] is a pure function of what the management API tells, and makes a
// [Report]. That travels as JSON by its tags, [Report.Text] writes it for a
// terminal, and [Report.HTML] as one page that needs nothing else, with a picture
// of the timeline. Whatever comes from a cluster may contain anything; Make takes
// out what does not print, and the renderers escape the rest.
package report

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Input is what a report is made of. It is not changed.
type Input struct {
	Title, Cluster, Edition string
	// From and To are the time that the report is about. If they are zero, it
	// begins with the first and ends with the last thing that is known.
	From, To time.Time
	// Events are the whole timeline, in its order.
	Events    []timeline.Event
	Incidents []api.JudgedIncident
	Repairs   []api.Repair
	Restores  []api.Restore
	Backups   []api.Backup
	Traffic   []api.Traffic
	// Availability is what the provider's probes have found.
	Availability []api.Availability
	Support      api.Supportability
}

// Report is what came of it.
type Report struct {
	Title   string    `json:"title"`
	Cluster string    `json:"cluster,omitempty"`
	Edition string    `json:"edition"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// Verdict is the whole in two or three sentences.
	Verdict []string `json:"verdict"`
	// StoppedMinutes is for how long the customer had the cluster stopped, which is no outage.
	StoppedMinutes float64 `json:"stoppedMinutes,omitempty"`
	// APIServer is when the API server was out, by itself or since etcd was.
	APIServer Outage `json:"apiServer"`
	// Outages are of everything else, nodes before workloads before the rest.
	Outages   []Outage   `json:"outages"`
	Incidents []Incident `json:"incidents"`
	// Availability is how the DNS, the tunnel and each load balancer did their work.
	Availability []Availability `json:"availability"`
	// Attempts are what was tried, or was due, and has not come about.
	Attempts []Attempt `json:"attempts"`
	// Lost is what is gone for good.
	Lost    []Loss  `json:"lost"`
	Backups Backups `json:"backups"`
	Support Support `json:"support"`
	// Sent and Failed count the requests of all traffic, and FailedBy by whose doing.
	Sent     int64     `json:"sent"`
	Failed   int64     `json:"failed"`
	FailedBy Requests  `json:"failedBy"`
	Traffic  []Traffic `json:"traffic"`

	marks []mark
}

// Traffic is one client of a service and how it fared.
type Traffic struct {
	Name    string           `json:"name"`
	From    string           `json:"from"`
	To      string           `json:"to"`
	Sent    int64            `json:"sent"`
	Failed  int64            `json:"failed"`
	Reasons map[string]int64 `json:"reasons,omitempty"`
	// FailedBy are the requests that failed, by whose doing.
	FailedBy Requests `json:"failedBy"`
}

// Backups counts the provider's backups.
type Backups struct {
	Taken    int       `json:"taken"`
	Verified int       `json:"verified"`
	Newest   time.Time `json:"newest,omitzero"`
}

// mark is an event of the timeline as the picture shows it.
type mark struct {
	at    time.Time
	owner string
	text  string
}

// Make makes the report.
func Make(in Input) Report {
	r := Report{
		Title: clean(in.Title), Cluster: clean(in.Cluster), Edition: clean(in.Edition),
		Incidents: []Incident{}, Attempts: attempts(in), Lost: lost(in), Traffic: []Traffic{}, Backups: backups(in.Backups),
	}
	r.From, r.To = bounds(in)
	r.Support = support(in.Support, r.From, r.To)
	r.StoppedMinutes = stoppedMinutes(in, r.From, r.To)
	var failed []Requests
	r.APIServer, r.Outages, failed = outages(in, r.From, r.To)
	r.Availability = availabilities(in, r.From, r.To)
	healers := healersOf(in)
	for _, x := range in.Incidents {
		r.Incidents = append(r.Incidents, incident(x, healers, r.To))
	}
	for n, t := range in.Traffic {
		by := failed[n]
		by.Shared = t.Failed - by.Provider - by.Customer // a request may have failed since
		r.Sent, r.Failed = r.Sent+t.Sent, r.Failed+t.Failed
		r.FailedBy = Requests{r.FailedBy.Provider + by.Provider, r.FailedBy.Shared + by.Shared, r.FailedBy.Customer + by.Customer}
		r.Traffic = append(r.Traffic, Traffic{
			Name: clean(t.Name), From: clean(t.From), To: clean(t.To), Sent: t.Sent, Failed: t.Failed, Reasons: cleanKeys(t.Reasons), FailedBy: by,
		})
	}
	for _, e := range in.Events {
		r.marks = append(r.marks, mark{at: e.Time, owner: actorOwner(e.Actor), text: clean(e.String())})
	}
	r.Verdict = verdict(r)
	return r
}

// bounds are the first and the last moment of what is known, where they are not
// given.
func bounds(in Input) (from, to time.Time) {
	var times []time.Time
	for _, e := range in.Events {
		times = append(times, e.Time)
	}
	for _, x := range in.Incidents {
		times = append(times, x.Incident.Start, x.Incident.End)
		for _, s := range x.Judgement.Shares {
			times = append(times, s.From, s.To)
		}
	}
	for _, p := range in.Support.History {
		times = append(times, p.From, p.To)
	}
	times = slices.DeleteFunc(times, time.Time.IsZero)
	from, to = in.From, in.To
	if from.IsZero() && len(times) > 0 {
		from = slices.MinFunc(times, time.Time.Compare)
	}
	if to.IsZero() && len(times) > 0 {
		to = slices.MaxFunc(times, time.Time.Compare)
	}
	if to.Before(from) {
		to = from
	}
	return from.UTC(), to.UTC()
}

func backups(list []api.Backup) (b Backups) {
	b.Taken = len(list)
	for _, x := range list {
		if x.Verified {
			b.Verified++
		}
		if x.At.After(b.Newest) {
			b.Newest = x.At.UTC()
		}
	}
	return b
}

// clean makes one line of a text that may contain anything: bytes that are no
// text, terminal escapes, marks that turn the direction of reading.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

func cleanAll(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, clean(s))
	}
	return out
}

func cleanKeys(m map[string]int64) map[string]int64 {
	out := make(map[string]int64, len(m))
	for k, n := range m {
		out[clean(k)] += n
	}
	return out
}
