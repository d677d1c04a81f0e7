package traffic

import (
	"sort"
	"sync"
	"time"
)

// Record keeps every result of one traffic, in the order in which the requests
// ended. Its methods may be called from any goroutine.
type Record struct {
	mu      sync.Mutex
	spec    Spec
	results []Result
	changed chan struct{}
}

// Totals sums up a span of a [Record].
type Totals struct {
	Sent, Succeeded, Failed int64
	// Success is Succeeded/Sent, and 1 if nothing was sent.
	Success float64
	// Reasons counts failures by reason.
	Reasons map[string]int64
	// Backends counts answers by pod (namespace/name).
	Backends map[string]int64
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
	r.results = append(r.results, res)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Results returns the results that ended at or after since, and a channel that
// is closed when there are more. The slice must not be changed.
func (r *Record) Results(since time.Time) ([]Result, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := sort.Search(len(r.results), func(i int) bool {
		return !r.results[i].Time.Add(r.results[i].Latency).Before(since)
	})
	return r.results[i:len(r.results):len(r.results)], r.changed
}

// Totals sums up the requests that were sent at or after since and have ended.
func (r *Record) Totals(since time.Time) Totals {
	t := Totals{Success: 1, Reasons: map[string]int64{}, Backends: map[string]int64{}}
	results, _ := r.Results(since)
	for _, res := range results {
		if res.Time.Before(since) {
			continue
		}
		t.Sent++
		t.Last = res
		if res.Reason != "" {
			t.Failed++
			t.Reasons[res.Reason]++
			continue
		}
		t.Succeeded++
		if res.Backend != "" {
			t.Backends[res.Backend]++
		}
	}
	if t.Sent > 0 {
		t.Success = float64(t.Succeeded) / float64(t.Sent)
	}
	return t
}
