// Package clock paces the engine's virtual time.
//
// An engine built with Go's faketime tag has a clock that stands still while
// anything computes and jumps to the next timer when nothing does: it runs
// free. A [Dial] holds it back to a rate of real time, or stops it. Everything
// else in the engine uses the ordinary time package and knows nothing of this.
//
// The dial is one goroutine that loops: when everything else is idle, it lets as
// much virtual time pass as it owes; then it blocks in a raw system call, in which
// virtual time cannot move, until the next of its rounds is due or the network has
// something. What is owed is reckoned from the moment at which the rate was set, so
// that neither rounding nor a burst of work makes the clock drift.
//
// Where it can (Linux), the dial moves the clock in steps, and the timers of a
// step fire together at its end: a timer is late by less than a [Step] in free
// run, and by less than that and a second of real time otherwise. Time still stands
// while anything works.
//
// Somebody outside whose request is open is in real time. While one [Hold]s the
// clock it does not run free, and at a rate its steps are of milliseconds.
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

// ErrRealTime is returned by a build that has no virtual clock.
var ErrRealTime = errors.New("this engine was built without a virtual clock: it runs in real time, at 1x only")

// Dial controls the speed of the process's clock. There is one in a process.
type Dial struct {
	poller *poller // nil if there is none

	mu      sync.Mutex
	pace    pace
	gauge   gauge
	changed chan struct{} // closed when the pacer has to look at the rest again
	fine    int           // how many want the clock to go from timer to timer
	alarm   *time.Timer   // pauses the clock; nil if none is set
}

// Start sets the process's clock to the virtual time given, if it has a virtual
// clock and that is ahead of it, and returns a dial that lets it run free.
// Call it once, before anything looks at the clock.
func Start(at time.Time) *Dial {
	d := &Dial{changed: make(chan struct{})}
	if !Virtual {
		d.pace.rate = 1
		return d
	}
	time.Sleep(time.Until(at))
	d.poller = findPoller()
	d.setLocked(api.FreeRun) // nobody else has it yet
	outside.tell(d.notify)
	keepMoving()
	go d.run()
	return d
}

// Clock is the clock as it is now.
func (d *Dial) Clock() api.Clock {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := api.Clock{Now: time.Now().UTC(), Rate: d.pace.rate, Virtual: Virtual}
	if Virtual && c.Rate != 0 {
		now := read()
		c.Reached = d.gauge.rate(now)
		c.Behind = api.Duration(d.pace.behind(now, c.Reached))
	}
	return c
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
		d.alarm = time.AfterFunc(left, d.pause)
	}
	d.setLocked(rate)
	return nil
}

func (d *Dial) pause() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setLocked(0)
}

func (d *Dial) setLocked(rate api.Rate) {
	now := read()
	d.pace = pace{rate, now}
	d.gauge = newGauge(now)
	d.notifyLocked()
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
	d.notifyLocked()
}

// notify makes the pacer look at what has changed. It need not be woken: it waits in
// real time only while everything else is idle, and what ends that wakes it, too.
func (d *Dial) notify() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notifyLocked()
}

func (d *Dial) notifyLocked() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Free says whether the clock runs as fast as the machine goes, so that nobody outside can
// keep up with it.
func (d *Dial) Free() bool { return d.current().pace.rate < 0 }

// Rest lets clients in real time have a turn while much is computed: it waits
// until everything else is idle, if the clock is held to a rate, and the runtime
// looks for their requests meanwhile. In free run nobody waits.
func (d *Dial) Rest() {
	if d.current().pace.rate >= 0 {
		time.Sleep(time.Nanosecond)
	}
}

// setting is what the pacer goes by.
type setting struct {
	pace    pace
	fine    bool
	changed <-chan struct{}
}

func (d *Dial) current() setting {
	d.mu.Lock()
	defer d.mu.Unlock()
	return setting{d.pace, d.fine > 0, d.changed}
}

// stale says that the setting has changed.
func (s setting) stale() bool {
	select {
	case <-s.changed:
		return true
	default:
		return false
	}
}

// round is the real time between two moves of a clock that is held to a rate.
func (s setting) round(now time.Duration) time.Duration {
	if s.fine || outside.watched(now) {
		return fineRound
	}
	return round
}
