package clock

import (
	"time"

	"demarc/sim/api"
)

const (
	// Step is how far the clock goes at once: to the next whole step. Nothing in a
	// cluster is timed more finely than in seconds.
	Step = time.Second

	// round is for how long the clock stands still at most between two moves, in real
	// time, while it runs at a rate. Each round is a search for idleness.
	round = time.Second
	// fineRound is the same while somebody waits for an answer, which may depend on
	// short timers, or looks at what comes of it.
	fineRound = 4 * time.Millisecond
)

// reading is a real time, and the virtual time then.
type reading struct {
	real    time.Duration
	virtual time.Time
}

func read() reading { return reading{RealNow(), time.Now()} }

// pace is a rate, and since when the clock is held to it.
type pace struct {
	rate  api.Rate
	since reading
}

// owed is the virtual time that should have passed, less what has.
func (p pace) owed(now reading) time.Duration {
	return p.in(now.real-p.since.real) - now.virtual.Sub(p.since.virtual)
}

// behindShare is the share of a rate below which a clock does not keep to it: measured
// over seconds, it is never quite the one that was asked for.
const behindShare = 0.9

// behind is the virtual time that is owed if the clock does not keep to its rate, by the
// rate that it has reached over the last seconds, or has not caught up with what it owes of
// seconds before; else 0. A step is always owed.
func (p pace) behind(now reading, reached api.Rate) time.Duration {
	owed := p.owed(now)
	if p.rate <= 0 || owed < 2*Step || owed < p.in(gaugeSpan) && (reached == 0 || reached >= behindShare*p.rate) {
		return 0
	}
	return owed.Truncate(Step)
}

// in is the virtual time in a span of real time.
func (p pace) in(real time.Duration) time.Duration {
	return time.Duration(float64(real) * float64(p.rate))
}

// next says how far the clock goes now; or if that is nothing, for how long it
// stands still then, in real time, where negative is for ever. What a burst of work
// has left is paid in steps, so that no timer is later than in free run.
func (p pace) next(now reading, round time.Duration) (step, wait time.Duration) {
	if p.rate == 0 {
		return 0, -1
	}
	tick, owed := UntilTick(now.virtual, Step), p.owed(now)
	due := max(min(tick, p.in(round)), time.Nanosecond)
	if owed >= due {
		return min(owed, tick), 0
	}
	return 0, max(time.Duration(float64(due-owed)/float64(p.rate)), time.Microsecond)
}

// run is the pacer.
func (d *Dial) run() {
	for {
		s := d.current()
		switch {
		case s.pace.rate >= 0:
			d.keep(s.pace, s)
		case outside.waits(RealNow()):
			d.keep(pace{1, read()}, s)
		case s.fine || !advance(d.stepper(s)):
			<-s.changed // the runtime moves the clock from timer to timer
		}
	}
}

// stepper says how far the clock goes in free run.
func (d *Dial) stepper(s setting) func(time.Time) time.Duration {
	return func(now time.Time) time.Duration {
		if s.stale() {
			return 0
		}
		d.note(reading{RealNow(), now})
		return UntilTick(now, Step)
	}
}

// keep holds the clock to a pace until the setting changes. In free run it does so
// for as long as somebody waits.
func (d *Dial) keep(p pace, s setting) {
	for !s.stale() {
		var wait time.Duration
		next := func(virtual time.Time) (step time.Duration) {
			if s.stale() {
				return 0 // something happened before everything was idle
			}
			now := reading{RealNow(), virtual}
			if step, wait = p.next(now, s.round(now.real)); step > 0 {
				d.note(now)
			}
			return step
		}
		// The runtime looks for network input when everything is idle, and a goroutine
		// must sleep for that, even if the clock is paused.
		if !advance(next) {
			time.Sleep(max(next(time.Now()), time.Nanosecond))
		}
		if s.pace.rate < 0 && !outside.waits(RealNow()) {
			return
		}
		if wait != 0 {
			d.poller.wait(wait)
		}
	}
}
