package host

import (
	"fmt"
	"time"
)

// Next returns when [Host.Step] has something to do; zero if nothing is
// planned. Ask again after every change.
func (h *Host) Next() time.Time {
	next := h.nextUpgrade()
	if h.d == pristine || h.d.Off {
		return next
	}
	for name, s := range h.d.Units {
		if !h.held(name) {
			next = sooner(next, s.Restart)
		}
	}
	for _, w := range h.d.Monitors {
		next = sooner(next, w.Look)
	}
	return next
}

// sooner is the earlier of two times of which each may be zero: never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Step does what is due: patches, systemd's restarts, then the monitors' looks. It
// returns when the next thing is due, zero if nothing is planned.
func (h *Host) Step(now time.Time) (next time.Time, did []Action) {
	h.nightly(now)
	if h.d == pristine || h.d.Off {
		return h.Next(), nil
	}
	did = h.restarts(now)
	for _, monitor := range monitors {
		did = append(did, h.look(now, monitor)...)
	}
	h.settle(now)
	return h.Next(), did
}

// span words the time between two times: "2 s", "1 min 5 s".
func span(from, to time.Time) string {
	d := max(to.Sub(from), 0).Truncate(time.Second)
	if d < time.Minute {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
}
