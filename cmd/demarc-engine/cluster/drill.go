package cluster

import (
	"context"

	"demarc/scenarios/script"
	"demarc/scenarios/script/run"
	"demarc/sim/api"
	"demarc/sim/clock"
)

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
