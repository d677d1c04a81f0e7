package api

import "time"

// CheckResult is what came of a look at a check.
type CheckResult struct {
	Held bool `json:"held"`
	// Seen says what was there: short if it held, all that helps if not.
	Seen string `json:"seen"`
	// At is when it was decided.
	At time.Time `json:"at"`
}
