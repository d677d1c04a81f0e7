package backup

import (
	"cmp"
	"slices"
	"time"

	"demarc/sim/api"
)

// What an empty [api.BackupPolicy] keeps.
const (
	defaultKeepAll   = 24 * time.Hour
	defaultKeepDaily = 7
)

const day = 24 * time.Hour

// Expired are the backups that the policy no longer keeps, oldest first. It
// keeps all that are younger than KeepAll. Of those that are older by up to
// KeepDaily days it keeps the last of each day (UTC), reckoned among the
// verified ones only, so none of them makes way for one that is not. The newest
// verified one stays whatever its age; if none is verified, the newest.
func Expired(entries []api.Backup, now time.Time, p api.BackupPolicy) []api.Backup {
	keepAll, keepDaily := time.Duration(p.KeepAll), p.KeepDaily
	if keepAll <= 0 {
		keepAll = defaultKeepAll
	}
	if keepDaily <= 0 {
		keepDaily = defaultKeepDaily
	}
	sorted := Choose(entries, "")
	slices.Reverse(sorted)
	lastOf := map[time.Time]string{} // day: ID of its last verified backup
	newest := ""
	for _, b := range sorted {
		if b.Verified {
			lastOf[dayOf(b.At)] = b.ID
			newest = b.ID
		}
	}
	if newest == "" && len(sorted) > 0 {
		newest = sorted[len(sorted)-1].ID
	}
	return slices.DeleteFunc(sorted, func(b api.Backup) bool {
		age := now.Sub(b.At)
		daily := age < keepAll+time.Duration(keepDaily)*day && lastOf[dayOf(b.At)] == b.ID
		return age < keepAll || daily || b.ID == newest
	})
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(day) }

// Choose is the order in which a restore tries backups: the newest first. Which is
// newer is etcd's to say, by its revision, and not the clock's: a restore raises
// it above all that were in use, so it only ever grows. If one is wanted by its
// ID it is the only one; there is none if no entry has that ID.
func Choose(entries []api.Backup, wanted string) []api.Backup {
	chosen := slices.Clone(entries)
	if wanted != "" {
		chosen = slices.DeleteFunc(chosen, func(b api.Backup) bool { return b.ID != wanted })
	}
	slices.SortFunc(chosen, func(a, b api.Backup) int {
		return cmp.Or(cmp.Compare(b.Revision, a.Revision), b.At.Compare(a.At), cmp.Compare(b.ID, a.ID))
	})
	return chosen
}
