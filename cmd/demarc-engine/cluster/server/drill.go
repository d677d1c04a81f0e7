package server

import (
	"sync"

	"demarc/sim/api"
)

// Drill is the scenario that an engine runs, as far as it has come. The methods
// of a nil drill say that there is none.
type Drill struct {
	mu      sync.Mutex
	steps   []api.Step
	end     *api.Report
	changed chan struct{} // closed and replaced when there is more
}

// NewDrill is a scenario that has not begun.
func NewDrill() *Drill { return &Drill{changed: make(chan struct{})} }

// Step adds a step.
func (d *Drill) Step(s api.Step) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.N = len(d.steps) + 1
	d.steps = append(d.steps, s)
	d.more()
}

// Finish publishes the report of the scenario: the stream ends with it.
func (d *Drill) Finish(r *api.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = r
	d.more()
}

// more wakes up followers; the caller holds mu.
func (d *Drill) more() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// since returns the steps after number n, the report if it is there, and a
// channel that is closed when there is more.
func (d *Drill) since(n int) ([]api.Step, *api.Report, <-chan struct{}) {
	if d == nil {
		return nil, nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n = min(max(n, 0), len(d.steps))
	return d.steps[n:len(d.steps):len(d.steps)], d.end, d.changed
}

// Report is the report of the scenario; nil if it has not ended.
func (d *Drill) Report() *api.Report {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.end
}
