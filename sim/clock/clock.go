// Package clock paces the engine's virtual time.
//
// An engine built with Go's faketime tag has a clock that stands still while
// anything computes and jumps to the next timer when nothing does: it runs
// free. A [Dial] holds it back to a rate of real time, or stops it. Everything
// else in the engine uses the ordinary time package and knows nothing of this.
//
// The dial is one goroutine that loops: it blocks in a raw system call for a
// few real milliseconds, in which virtual time cannot move while requests from
// outside are served; then it lets as much virtual time pass as it owes. What
// is owed is reckoned from the moment at which the rate was set, so that
// neither rounding nor a burst of work makes the clock drift.
//
// Where it can (Linux), the dial moves the clock in steps, and the timers of a
// step fire together at its end: a timer is late by less than [Step] in free
// run, and by less than a round of the dial otherwise. Time still stands while
// anything works.
//
// There it also nudges a clock that has stood still for seconds of real time:
// something asks again and again until time has passed.
//
// A plain build has no virtual clock. There the dial only knows 1x.
package clock

import (
	"errors"
	"sync"
	"time"

	"demarc/sim/api"
)

// quantum is how long the dial blocks in real time. Shorter is smoother, and
// costs more: each round is a jump of the clock.
const quantum = 4 * time.Millisecond

// Step is how far the clock goes at once when it runs free: to the next whole
// step. Nothing in a cluster is timed more finely than in seconds.
const Step = time.Second

// ErrRealTime is returned by a build that has no virtual clock.
var ErrRealTime = errors.New("this engine was built without a virtual clock: it runs in real time, at 1x only")

// Dial controls the speed of the process's clock. There is one in a process.
type Dial struct {
	mu      sync.Mutex
	rate    api.Rate
	changed chan struct{} // closed when rate or fine changes
	fine    int           // how many want the clock to go from timer to timer
	alarm   *time.Timer   // pauses the clock; nil if none is set
}

// Start sets the process's clock to the virtual time given, if it has a virtual
// clock and that is ahead of it, and returns a dial that lets it run free.
// Call it once, before anything looks at the clock.
func Start(at time.Time) *Dial {
	d := &Dial{rate: api.FreeRun, changed: make(chan struct{})}
	if !Virtual {
		d.rate = 1
		return d
	}
	time.Sleep(time.Until(at))
	keepMoving()
	go d.run()
	return d
}

// Clock is the clock as it is now.
func (d *Dial) Clock() api.Clock {
	d.mu.Lock()
	defer d.mu.Unlock()
	return api.Clock{Now: time.Now().UTC(), Rate: d.rate, Virtual: Virtual}
}

// Set changes the rate. If until is not zero and still ahead, the clock pauses
// when it gets there.
func (d *Dial) Set(rate api.Rate, until time.Time) error {
	if !Virtual {
		if rate == 1 && until.IsZero() {
			return nil
		}
		return ErrRealTime
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.alarm != nil {
		d.alarm.Stop()
		d.alarm = nil
	}
	if !until.IsZero() {
		left := time.Until(until)
		if left <= 0 {
			return errors.New("the time at which to pause is in the past")
		}
		d.alarm = time.AfterFunc(left, func() { d.set(0) })
	}
	d.setLocked(rate)
	return nil
}

// Rest lets clients in real time have a turn while much is computed: it waits
// until the clock moves on, if that is held to a rate, and the runtime looks for
// their requests meanwhile. In free run nobody waits.
func (d *Dial) Rest() {
	if rate, _, _ := d.current(); rate >= 0 {
		time.Sleep(time.Nanosecond)
	}
}

func (d *Dial) set(rate api.Rate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setLocked(rate)
}

func (d *Dial) setLocked(rate api.Rate) {
	d.rate = rate
	close(d.changed)
	d.changed = make(chan struct{})
}

// Fine makes the clock go from timer to timer, without steps, for as long as
// somebody needs times below a [Step]: until the function that it returns is
// called.
func (d *Dial) Fine() (done func()) {
	d.refine(1)
	return func() { d.refine(-1) }
}

func (d *Dial) refine(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fine += by
	d.setLocked(d.rate)
}

func (d *Dial) current() (rate api.Rate, fine bool, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rate, d.fine > 0, d.changed
}

// run is the pacer.
func (d *Dial) run() {
	for {
		rate, fine, changed := d.current()
		switch {
		case rate >= 0:
			d.pace(rate, changed)
		case fine || !advance(toNextStep):
			<-changed // the runtime moves the clock from timer to timer
		}
	}
}

func toNextStep(now time.Time) time.Duration {
	return UntilTick(now, Step)
}

// pace holds the clock to a rate until the rate changes.
func (d *Dial) pace(rate api.Rate, changed <-chan struct{}) {
	real, virtual := RealNow(), time.Now()
	owed := func(now time.Time) time.Duration { return debt(rate, RealNow()-real, now.Sub(virtual)) }
	for {
		block(quantum)
		// At least once: the runtime looks for network input when everything is
		// idle, and a goroutine must sleep for that, even if the clock is paused.
		for again := true; again; again = owed(time.Now()) > 0 {
			select {
			case <-changed:
				return
			default:
			}
			// A debt that a burst of work has left is paid in steps, so that no
			// timer is later than in free run.
			if !advance(func(now time.Time) time.Duration { return min(owed(now), Step) }) {
				time.Sleep(max(min(owed(time.Now()), Step), time.Nanosecond))
			}
		}
	}
}

// debt is the virtual time that is owed: what should have passed, less what has.
func debt(rate api.Rate, real, virtual time.Duration) time.Duration {
	return time.Duration(float64(real)*float64(rate)) - virtual
}
