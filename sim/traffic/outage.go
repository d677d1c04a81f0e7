package traffic

import (
	"slices"
	"time"
)

// outageRun is how many requests in a row must fail for an outage: as many as a
// readiness probe may fail by default until its pod is unready (Kubernetes,
// "Configure Liveness, Readiness and Startup Probes", failureThreshold: 3). One that
// fails among others that succeed hit one bad pod of several.
const outageRun = 3

// Outage is a time in which no request of one traffic succeeded.
type Outage struct {
	// From is when the first request that failed was sent, and To the first one
	// that succeeded again; zero while it lasts.
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
	// Failed counts the requests.
	Failed int64 `json:"failed"`
	// Reason is that of the first.
	Reason string `json:"reason"`
}

// strayGap is how far apart failures may begin that are counted together.
const strayGap = 30 * time.Second

// failures are the requests that failed between others that succeeded, the oldest first:
// those that are in no outage. What failed within half a minute counts as one. The caller
// holds mu.
func (r *Record) failures() []Outage {
	list := slices.Clone(r.strays)
	if n := r.run.Failed; n > 0 && n < outageRun {
		list = append(list, r.run)
	}
	return list
}

// addStray counts requests that failed in a row and are no outage; the caller holds mu.
func (r *Record) addStray(run Outage) {
	if n := len(r.strays); n > 0 && run.From.Sub(r.strays[n-1].From) < strayGap {
		r.strays[n-1].Failed += run.Failed
		r.strays[n-1].To = run.To
		return
	}
	r.strays = append(r.strays, run)
}

// outagesSoFar are the times in which at least three requests in a row failed, the oldest
// first. The caller holds mu.
func (r *Record) outagesSoFar() []Outage {
	list := slices.Clone(r.outages)
	if r.run.Failed >= outageRun {
		list = append(list, r.run)
	}
	return list
}

// addToRun takes note of whether requests fail in a row; the caller holds mu.
func (r *Record) addToRun(res Result) {
	switch {
	case res.Reason == "":
		r.run.To = res.Time
		if res.Time.Before(r.run.From) { // a slow one that was sent before
			r.run.To = r.run.From
		}
		switch n := r.run.Failed; {
		case n >= outageRun:
			r.outages = append(r.outages, r.run)
		case n > 0:
			r.addStray(r.run)
		}
		r.run = Outage{}
	case r.run.Failed == 0:
		r.run = Outage{From: res.Time, Failed: 1, Reason: res.Reason}
	default:
		r.run.Failed++
	}
}
