package provider

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// keptRepairs is how many finished repairs the log keeps.
const keptRepairs = 500

// Repairs are all repairs that the plane remembers, oldest first, with their
// durations.
func (o *Operator) Repairs(r *Replicas) []api.Repair {
	list := Repairs.List(r.State())
	for i, rec := range list {
		list[i] = rec.Timed()
	}
	return list
}

// openRepairs are the auto-repairs that are not over, by node: pending, or given
// up on a node that was not Ready since.
func openRepairs(records map[string]api.Repair) map[string]api.Repair {
	open := map[string]api.Repair{}
	for _, rec := range Repairs.sorted(records) {
		if rec.Layer == api.LayerAutoRepair {
			open[rec.Node] = rec // the newest
		}
	}
	maps.DeleteFunc(open, func(_ string, rec api.Repair) bool {
		return rec.Outcome != api.RepairPending && !(rec.Outcome == api.RepairFailed && rec.Healed.IsZero())
	})
	return open
}

// escalations are the escalations that are under way or wait, oldest first.
func escalations(records map[string]api.Repair) []api.Repair {
	return slices.DeleteFunc(Repairs.sorted(records), func(rec api.Repair) bool {
		return rec.Layer != api.LayerEscalation || rec.Outcome != api.RepairPending
	})
}

// excess forgets the oldest finished repairs above keptRepairs.
func excess(records map[string]api.Repair) []Command {
	open := openRepairs(records)
	finished := slices.DeleteFunc(Repairs.sorted(records), func(rec api.Repair) bool {
		return rec.Outcome == api.RepairPending || open[rec.Node].ID == rec.ID
	})
	return Repairs.forget(finished, keptRepairs)
}

// newRepairID is unique as long as a node is not taken on by the same layer
// twice in one second.
func newRepairID(layer, node string, now time.Time) string {
	return layer + "-" + node + "-" + now.UTC().Format("20060102T150405Z")
}

// actionKey names the n-th action of a repair, from 0, to the cloud.
func actionKey(rec api.Repair, n int) string { return rec.ID + "/" + strconv.Itoa(n+1) }

// undone is the index of the action that was begun and has not ended; -1 if
// there is none.
func undone(rec api.Repair) int {
	return slices.IndexFunc(rec.Actions, func(a api.RepairAction) bool { return a.Done.IsZero() })
}

// withAction is a repair with one more action. It shares nothing with rec, which
// may be the log's.
func withAction(rec api.Repair, a api.RepairAction) api.Repair {
	rec.Actions = append(slices.Clip(rec.Actions), a)
	return rec
}

// repair is one repair of a node in a leader's hands, by auto-repair or on escalation.
type repair struct {
	task
	rec api.Repair
}

func (o *Operator) repair(l *Leadership, rec api.Repair) *repair {
	r := &repair{rec: rec}
	r.task = task{o: o, l: l, cause: rec.Event, record: func() Command { return Repairs.Put(r.rec) }}
	return r
}

// begun says of an action that it is begun, and failed that it did not succeed.
var (
	begun = map[string]timeline.Verb{
		"reboot": "rebooting", "reimage": "reimaging", "redeploy": "redeploying",
		"cordon": "cordoning", "drain": "draining", "uncordon": "uncordoning",
	}
	failed = map[string]timeline.Verb{
		"reboot": "failed to reboot", "reimage": "failed to reimage", "redeploy": "failed to redeploy",
		"cordon": "failed to cordon", "drain": "failed to drain", "uncordon": "failed to uncordon",
	}
)

// end enters how the n-th action has ended.
func (r *repair) end(ctx context.Context, n int, detail, failure string) error {
	r.rec.Actions = slices.Clone(r.rec.Actions) // they may be the log's
	a := &r.rec.Actions[n]
	a.Done, a.Detail, a.Error = time.Now().UTC(), detail, failure
	return r.save(ctx)
}

// ErrNoAnswer says that it is not known whether the cloud has accepted an action.
var ErrNoAnswer = errors.New("the cloud does not answer")

// askCloud asks the cloud for the n-th action, and returns why it was refused, if it was.
// The only error is [ErrNoAnswer].
func (r *repair) askCloud(ctx context.Context, n int) (refused string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	lost, err := r.o.cfg.Cloud.Act(ctx, r.rec.Node, r.rec.Actions[n].Action, actionKey(r.rec, n), r.cause)
	if err != nil && ctx.Err() != nil || errors.Is(err, ErrNoAnswer) {
		return "", ErrNoAnswer
	}
	r.rec.Lost = append(slices.Clip(r.rec.Lost), lost...)
	if err != nil {
		refused = err.Error()
	}
	return refused, nil
}
