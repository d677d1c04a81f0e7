package backup

import (
	"path/filepath"
	"strings"
	"time"
)

// latestAfterSlot is how long after the slot in its name a backup can have been
// taken. A header that says more is damaged.
const latestAfterSlot = 24 * time.Hour

// LastTime is the latest time of a backup in the store in the directory dir, as
// the headers say, which are not authenticated here; zero if there is none.
func LastTime(dir string) (last time.Time) {
	for _, id := range idsIn(dir) {
		if at, ok := timeOf(filepath.Join(dir, id+extension), id); ok && at.After(last) {
			last = at
		}
	}
	return last
}

func timeOf(path, id string) (time.Time, bool) {
	slot, err := time.Parse(idLayout, strings.TrimSuffix(id, manualSuffix))
	if err != nil {
		return slot, false
	}
	h, err := headerOf(path)
	if err != nil || h.ID != id || h.At.Before(slot) || h.At.Sub(slot) > latestAfterSlot {
		return slot, true // its name is all that there is to go by
	}
	return h.At, true
}
