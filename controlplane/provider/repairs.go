package provider

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"demarc/sim/api"
)

// keptRepairs is how many finished repairs the log keeps.
const keptRepairs = 500

// Repairs are all repairs that the plane remembers, oldest first, with their
// durations.
func (o *Operator) Repairs(r *Replicas) []api.Repair {
	list := repairList(r.State().Repairs)
	for i, rec := range list {
		list[i] = rec.Timed()
	}
	return list
}

func repairList(records map[string]api.Repair) []api.Repair {
	return slices.SortedFunc(maps.Values(records), func(a, b api.Repair) int {
		return cmp.Or(a.Detected.Compare(b.Detected), cmp.Compare(a.ID, b.ID))
	})
}

// openRepairs are the auto-repairs that are not over, by node: pending, or given
// up on a node that was not Ready since.
func openRepairs(records map[string]api.Repair) map[string]api.Repair {
	open := map[string]api.Repair{}
	for _, rec := range repairList(records) {
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
	return slices.DeleteFunc(repairList(records), func(rec api.Repair) bool {
		return rec.Layer != api.LayerEscalation || rec.Outcome != api.RepairPending
	})
}

// excess forgets the oldest finished repairs above keptRepairs.
func excess(records map[string]api.Repair) (forget []Command) {
	open := openRepairs(records)
	finished := slices.DeleteFunc(repairList(records), func(rec api.Repair) bool {
		return rec.Outcome == api.RepairPending || open[rec.Node].ID == rec.ID
	})
	for _, rec := range finished[:max(0, len(finished)-keptRepairs)] {
		forget = append(forget, DeleteRepair(rec.ID))
	}
	return forget
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

// withDone is a repair whose n-th action has ended.
func withDone(rec api.Repair, n int, done func(*api.RepairAction)) api.Repair {
	rec.Actions = slices.Clone(rec.Actions)
	rec.Actions[n].Done = time.Now().UTC()
	done(&rec.Actions[n])
	return rec
}
