package provider

import (
	"context"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
)

// recordPeriod is how often what the ledger has of the plane's incidents is
// written to the log.
const recordPeriod = 10 * time.Second

// recordIncidents keeps a copy of the incidents that the plane has noticed in
// the log, where they outlive the process.
func (o *Operator) recordIncidents(ctx context.Context, l *Leadership) {
	for clock.Sleep(ctx, clock.UntilTick(time.Now(), recordPeriod)) {
		known := l.State().Incidents
		var changed []Command
		for _, i := range o.cfg.Ledger.Found() {
			if i = plain(i); known[i.ID] != i {
				changed = append(changed, Incidents.Put(i))
			}
		}
		if len(changed) > 0 && l.Apply(ctx, changed...) != nil {
			return
		}
	}
}

// plain is an incident as it comes back from the log: its times are UTC and
// without the reading of the process's own clock.
func plain(i api.Incident) api.Incident {
	for _, t := range []*time.Time{&i.Start, &i.Detected, &i.End} {
		*t = t.UTC().Round(0)
	}
	return i
}
