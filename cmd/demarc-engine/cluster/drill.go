package cluster

import (
	"context"
	"sync"

	"demarc/scenarios/script"
	"demarc/sim/api"
	"demarc/sim/clock"
)

// drill is the scenario that an engine runs, as far as it has come. The methods
// of a nil drill say that there is none.
type drill struct {
	mu      sync.Mutex
	steps   []api.Step
	end     *api.Report
	changed chan struct{} // closed and replaced when there is more
}

// Drill runs a scenario in the cluster and returns its report. If the cluster
// did not start, failed says why, and so does the report.
func (c *Cluster) Drill(ctx context.Context, s *script.Script, failed error) *api.Report {
	began := clock.RealNow()
	r := &api.Report{Scenario: s.Name, Title: s.Title, Verdict: api.VerdictError, Edition: c.spec.Edition, Seed: c.spec.Seed,
		Expectations: []api.Expectation{}, Traffic: []api.Traffic{}, Incidents: []api.Incident{}, Backups: []api.Backup{}, Restores: []api.Restore{}, Repairs: []api.Repair{},
		Judgements: []api.JudgedIncident{}, Support: api.NoVerdict()}
	if failed == nil {
		var played *api.Report
		if played, failed = s.Run(ctx, c, c.drill.step); failed == nil {
			r = played
		}
	}
	if failed != nil {
		r.Error = failed.Error()
	}
	r.RealSeconds = (clock.RealNow() - began).Seconds()
	return r
}

// Finish publishes the report of the scenario: the stream ends with it.
func (c *Cluster) Finish(r *api.Report) { c.drill.finish(r) }

func newDrill() *drill { return &drill{changed: make(chan struct{})} }

func (d *drill) step(s api.Step) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.N = len(d.steps) + 1
	d.steps = append(d.steps, s)
	d.more()
}

func (d *drill) finish(r *api.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = r
	d.more()
}

// more wakes up followers; the caller holds mu.
func (d *drill) more() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// since returns the steps after number n, the report if it is there, and a
// channel that is closed when there is more.
func (d *drill) since(n int) ([]api.Step, *api.Report, <-chan struct{}) {
	if d == nil {
		return nil, nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n = min(max(n, 0), len(d.steps))
	return d.steps[n:len(d.steps):len(d.steps)], d.end, d.changed
}

func (d *drill) report() *api.Report {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.end
}
