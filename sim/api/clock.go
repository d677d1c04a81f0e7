package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is the speed of the virtual clock: virtual seconds per real second.
// Zero is pause; [FreeRun] is as fast as the machine goes.
type Rate float64

// FreeRun is the rate of a clock without a pacer.
const FreeRun Rate = -1

// MaxRate bounds what [ParseRate] takes: no laptop is faster.
const MaxRate Rate = 1_000_000

// ParseRate reads "60x", "60", "0.5x", "pause" or "max".
func ParseRate(s string) (Rate, error) {
	switch strings.ToLower(s) {
	case "max", "free":
		return FreeRun, nil
	case "pause", "paused":
		return 0, nil
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(strings.ToLower(s), "x"), 64)
	if err != nil || !(f >= 0) || Rate(f) > MaxRate {
		return 0, fmt.Errorf("rate %q: want a speed such as 1x or 60x (at most %.0fx), max, or pause", s, float64(MaxRate))
	}
	return Rate(f), nil
}

// String is what [ParseRate] reads.
func (r Rate) String() string {
	switch {
	case r < 0:
		return "max"
	case r == 0:
		return "pause"
	}
	return strconv.FormatFloat(float64(r), 'f', -1, 64) + "x"
}

// MarshalJSON writes the rate as [Rate.String] does.
func (r Rate) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// UnmarshalJSON reads what [ParseRate] reads, or a bare number.
func (r *Rate) UnmarshalJSON(b []byte) error {
	p, err := ParseRate(strings.Trim(string(b), `"`))
	if err != nil {
		return err
	}
	*r = p
	return nil
}

// Clock is the virtual clock.
type Clock struct {
	Now time.Time `json:"now"`
	// Rate is the one that was asked for, and Reached what came of it over the last
	// seconds: less where the machine is too slow for it, or too busy. It is zero
	// while the clock is paused, and for the first seconds at a rate.
	Rate    Rate `json:"rate"`
	Reached Rate `json:"reached,omitzero"`
	// Behind is the virtual time that is owed, if this machine does not keep to the rate: it
	// is caught up with when it can be. It is zero for a clock that keeps to its rate.
	Behind Duration `json:"behind,omitzero"`
	// Virtual says whether the engine has a virtual clock; a plain build
	// runs in real time, always at 1x.
	Virtual bool `json:"virtual"`
}

// Lag says how far the clock has fallen behind its rate; empty if it has not.
func (c Clock) Lag() string {
	if c.Behind == 0 {
		return ""
	}
	text := "asked for " + c.Rate.String()
	if c.Reached > 0 {
		text += ", reached " + c.Reached.String()
	}
	return fmt.Sprintf("%s, %s behind", text, time.Duration(c.Behind))
}

// ClockRequest changes the clock.
type ClockRequest struct {
	Rate Rate `json:"rate"`
	// Until, if not zero, pauses the clock when it gets there.
	Until time.Time `json:"until,omitzero"`
}

// Duration is a time.Duration that travels as a string such as "2h10m0s".
type Duration time.Duration

// MarshalJSON writes the duration in Go's form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads Go's form.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}
