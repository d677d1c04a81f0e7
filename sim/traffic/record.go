package traffic

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Record keeps every result of one traffic, in the order in which the requests
// ended. Its methods may be called from any goroutine.
type Record struct {
	mu      sync.Mutex
	spec    Spec
	results []Result
	ends    []int64            // when each result ended, in Unix nanoseconds, ascending
	starts  []int64            // when the requests were sent, ascending
	reasons map[string][]int64 // of those, the ones that failed, by reason
	pods    map[string][]int64 // and those that were answered, by pod
	names   map[string]string  // reasons and pods, each kept once
	outages []Outage           // that are over
	strays  []Outage           // failures that are in none
	run     Outage             // of requests that fail now; Failed is 0 if none does
	changed chan struct{}      // closed at the next result; nil if nobody waits
}

// Totals sums up a span of a [Record].
type Totals struct {
	Sent, Succeeded, Failed int64
	// Success is Succeeded/Sent, and 1 if nothing was sent.
	Success float64
	// Reasons counts failures by reason.
	Reasons map[string]int64
	// Last is the newest result, and its Time is zero if there is none.
	Last Result
}

// Summary is what came of a traffic until one moment: the requests that failed are those of
// its outages and those between them.
type Summary struct {
	Totals
	// Outages are the times in which at least three requests in a row failed, and Failures
	// those that failed in between; the oldest first.
	Outages, Failures []Outage
	// Pods are the pods (namespace/name) that ever answered, in alphabetical order.
	Pods []string
}

// NewRecord returns an empty record.
func NewRecord(spec Spec) *Record {
	return &Record{spec: spec, reasons: map[string][]int64{}, pods: map[string][]int64{}, names: map[string]string{}}
}

// Spec is what the traffic was asked to do.
func (r *Record) Spec() Spec { return r.spec }

// Add appends a result.
func (r *Record) Add(res Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	start := res.Time.UnixNano()
	end := start + int64(res.Latency)
	if n := len(r.ends); n > 0 {
		end = max(end, r.ends[n-1]) // goroutines may come in another order than they ended
	}
	res.Reason, res.Backend = r.intern(res.Reason), r.intern(res.Backend)
	r.results = append(r.results, res)
	r.addToRun(res)
	r.ends = append(r.ends, end)
	r.starts = insert(r.starts, start)
	if res.Reason != "" {
		r.reasons[res.Reason] = insert(r.reasons[res.Reason], start)
	}
	if res.Backend != "" {
		r.pods[res.Backend] = insert(r.pods[res.Backend], start)
	}
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// intern returns the one copy of s that is kept; the caller holds mu.
func (r *Record) intern(s string) string {
	if kept, ok := r.names[s]; ok {
		return kept
	}
	r.names[s] = s
	return s
}

// insert puts t into ascending times. It is nearly always the last.
func insert(times []int64, t int64) []int64 {
	i := len(times)
	for i > 0 && times[i-1] > t {
		i--
	}
	return slices.Insert(times, i, t)
}

// Results returns the results that ended at or after since, and a channel that
// is closed when there are more. The slice must not be changed.
func (r *Record) Results(since time.Time) ([]Result, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	i := len(r.ends) - int(from(r.ends, since))
	return r.results[i:len(r.results):len(r.results)], r.changed
}

// from counts the times at or after since.
func from(times []int64, since time.Time) int64 {
	if since.IsZero() {
		return int64(len(times))
	}
	i, _ := slices.BinarySearch(times, since.UnixNano())
	return int64(len(times) - i)
}

// counts are how many times each name has at or after since; names that have
// none are left out.
func counts(byName map[string][]int64, since time.Time) map[string]int64 {
	out := map[string]int64{}
	for name, times := range byName {
		if n := from(times, since); n > 0 {
			out[name] = n
		}
	}
	return out
}

// Totals sums up the requests that were sent at or after since and have ended.
// It costs a search for each reason, however many requests there were:
// expectations ask for it in every second of a day.
func (r *Record) Totals(since time.Time) Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.totals(since)
}

// Summary sums up all requests that have ended.
func (r *Record) Summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Summary{Totals: r.totals(time.Time{}), Outages: r.outagesSoFar(), Failures: r.failures(), Pods: slices.Sorted(maps.Keys(r.pods))}
}

// totals are those of [Record.Totals]; the caller holds mu.
func (r *Record) totals(since time.Time) Totals {
	t := Totals{Sent: from(r.starts, since), Success: 1, Reasons: counts(r.reasons, since)}
	for _, n := range t.Reasons {
		t.Failed += n
	}
	t.Succeeded = t.Sent - t.Failed
	if t.Sent == 0 {
		return t
	}
	t.Success = float64(t.Succeeded) / float64(t.Sent)
	for i := len(r.results) - 1; i >= 0; i-- {
		if t.Last = r.results[i]; !t.Last.Time.Before(since) {
			break
		}
	}
	return t
}

// Backends counts the answers of requests sent at or after since by pod
// (namespace/name).
func (r *Record) Backends(since time.Time) map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return counts(r.pods, since)
}
