package provider

import "time"

// Latest is the latest time that the state has of something that has happened.
func (s State) Latest() time.Time {
	latest := s.LastSlot
	see := func(times ...time.Time) {
		for _, t := range times {
			if t.After(latest) {
				latest = t
			}
		}
	}
	for _, b := range s.Backups {
		see(b.At, b.VerifiedAt)
	}
	for _, r := range s.Restores {
		see(r.Lost, r.Decided, r.End)
	}
	return latest
}
