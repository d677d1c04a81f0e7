package backup

import (
	"time"

	"demarc/sim/api"
)

// Tolerance is how long after its slot a backup may be taken without being
// late.
const Tolerance = time.Minute

const idLayout = "20060102T150405Z"

// manualSuffix ends the ID of a backup that was asked for.
const manualSuffix = "-manual"

// Slot is the moment of the schedule at or before t. Slots are whole intervals
// of UTC, so every half hour for the default: [api.BackupInterval], if interval
// is zero.
func Slot(t time.Time, interval time.Duration) time.Time {
	return t.UTC().Truncate(orDefault(interval))
}

func orDefault(interval time.Duration) time.Duration {
	if interval <= 0 {
		return api.BackupInterval
	}
	return interval
}

// ID names the backup of a slot.
func ID(slot time.Time) string { return slot.UTC().Format(idLayout) }

// ManualID names a backup that was asked for at a time.
func ManualID(at time.Time) string { return ID(at) + manualSuffix }

// Due says which slot is to be taken now: the newest one at or before now, if it
// is after last, else the zero time. The last is the newest slot that was
// taken, or the time at which the cluster was created if none was: nothing is
// due before the first slot after that, and nothing as long as last is zero.
//
// Missed are the slots between, oldest first: nobody was there to take them, or
// the clock jumped. They can no longer be taken. Next is when to ask again. If
// the clock went backwards, nothing is due until it has passed last again.
func Due(now, last time.Time, interval time.Duration) (slot time.Time, missed []time.Time, next time.Time) {
	interval = orDefault(interval)
	newest := Slot(now, interval)
	next = newest.Add(interval)
	if last.IsZero() || !newest.After(last) {
		return time.Time{}, nil, next
	}
	for s := Slot(last, interval).Add(interval); s.Before(newest); s = s.Add(interval) {
		missed = append(missed, s)
	}
	return newest, missed, next
}

// Late says whether a backup that was taken at a time is late for its slot.
func Late(slot, at time.Time) bool { return at.Sub(slot) > Tolerance }
