package cluster

import (
	"context"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/run"
	"demarc/sim/api"
	"demarc/sim/clock"
)

// A scenario begins drillOffset after a whole drillStart, however many seconds the start of
// the cluster has taken. What works in whole periods, as monitors and probes do, comes at the
// same times of each run then; and not in the very second of what a scenario does, which is
// at a multiple of five seconds for the most part.
const (
	drillStart  = time.Minute
	drillOffset = 2 * time.Second
)

func awaitDrillStart(ctx context.Context) {
	clock.Sleep(ctx, clock.UntilTick(time.Now(), drillStart)+drillOffset)
}

// Drill runs a scenario in the cluster and returns its report. If the cluster
// did not start, failed says why, and so does the report.
func (c *Cluster) Drill(ctx context.Context, s *script.Script, failed error) *api.Report {
	began := clock.RealNow()
	r := &api.Report{Scenario: s.Name, Title: s.Title, Verdict: api.VerdictError, Edition: c.spec.Edition, Seed: c.spec.Seed,
		Expectations: []api.Expectation{}, Traffic: []api.Traffic{}, Incidents: []api.Incident{}, Backups: []api.Backup{}, Restores: []api.Restore{}, Repairs: []api.Repair{},
		Judgements: []api.JudgedIncident{}, Availability: []api.Availability{}, Support: api.NoVerdict()}
	if failed == nil {
		var played *api.Report
		if played, failed = run.Play(ctx, s, c, c.drill.Step); failed == nil {
			r = played
			r.Availability = c.probes.List()
		}
	}
	if failed != nil {
		r.Error = failed.Error()
	}
	r.RealSeconds = (clock.RealNow() - began).Seconds()
	return r
}

// Finish publishes the report of the scenario: the stream ends with it.
func (c *Cluster) Finish(r *api.Report) { c.drill.Finish(r) }
