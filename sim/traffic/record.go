package traffic

import (
	"sort"
	"sync"
	"time"
)

// Record keeps every result of one traffic, in the order in which the requests
// ended. Its methods may be called from any goroutine.
type Record struct {
	mu       sync.Mutex
	spec     Spec
	results  []Result
	failures []int   // indices of the results that failed
	ends     []int64 // when each result ended, in Unix nanoseconds
	changed  chan struct{}
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

// NewRecord returns an empty record.
func NewRecord(spec Spec) *Record {
	return &Record{spec: spec, changed: make(chan struct{})}
}

// Spec is what the traffic was asked to do.
func (r *Record) Spec() Spec { return r.spec }

// Add appends a result.
func (r *Record) Add(res Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if res.Reason != "" {
		r.failures = append(r.failures, len(r.results))
	}
	r.results = append(r.results, res)
	r.ends = append(r.ends, res.Time.Add(res.Latency).UnixNano())
	close(r.changed)
	r.changed = make(chan struct{})
}

// Results returns the results that ended at or after since, and a channel that
// is closed when there are more. The slice must not be changed.
func (r *Record) Results(since time.Time) ([]Result, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.from(since)
	return r.results[i:len(r.results):len(r.results)], r.changed
}

// from is the index of the first result that ended at or after since; the
// caller holds mu.
func (r *Record) from(since time.Time) int {
	if since.IsZero() {
		return 0
	}
	at := since.UnixNano()
	return sort.Search(len(r.ends), func(i int) bool { return r.ends[i] >= at })
}

// Totals sums up the requests that were sent at or after since and have ended.
// It costs a search and what failed, not what was sent: expectations ask for it
// in every second of a day.
func (r *Record) Totals(since time.Time) Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := Totals{Success: 1, Reasons: map[string]int64{}}
	i := r.from(since)
	t.Sent = int64(len(r.results) - i)
	// What was under way when the span began is not of the span: requests end
	// within their timeout, so those stand near its beginning.
	for _, res := range r.results[i:] {
		if !res.Time.Before(since.Add(-time.Nanosecond)) && res.Time.Sub(since) > 2*r.timeout() {
			break
		}
		if res.Time.Before(since) {
			t.Sent--
		}
	}
	for k := sort.SearchInts(r.failures, i); k < len(r.failures); k++ {
		if f := r.results[r.failures[k]]; !f.Time.Before(since) {
			t.Failed++
			t.Reasons[f.Reason]++
		}
	}
	t.Succeeded = t.Sent - t.Failed
	if n := len(r.results); n > i && !r.results[n-1].Time.Before(since) {
		t.Last = r.results[n-1]
	}
	if t.Sent > 0 {
		t.Success = float64(t.Succeeded) / float64(t.Sent)
	}
	return t
}

func (r *Record) timeout() time.Duration {
	if r.spec.Timeout > 0 {
		return r.spec.Timeout
	}
	return DefaultTimeout
}

// Backends counts the answers of requests sent at or after since by pod
// (namespace/name).
func (r *Record) Backends(since time.Time) map[string]int64 {
	out := map[string]int64{}
	results, _ := r.Results(since)
	for _, res := range results {
		if res.Backend != "" && !res.Time.Before(since) {
			out[res.Backend]++
		}
	}
	return out
}
