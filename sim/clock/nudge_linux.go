//go:build faketime && linux

package clock

import (
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Code that asks again until a time has passed, without a pause, never ends
// under a clock that stands still while it asks. Upstream has such code:
// kube-apiserver's repair of IPAddresses (v1.37) puts one that is exactly as old
// as its period of grace back in its queue with no delay. On a real machine the
// clock has moved by then; here it is moved a little, from outside.
const (
	// nudgeAfter is how long the clock must have stood still for, in real time. Work
	// that takes this long is rare, and is not disturbed by a nudge.
	nudgeAfter = 2 * time.Second
	nudge      = time.Millisecond
)

// keepMoving nudges the clock whenever it has stood still for too long.
func keepMoving() {
	if runtimeClock == nil {
		return
	}
	seen := time.Now()
	EveryReal(nudgeAfter, func() { // the clock works without; it is watched from outside, too
		if time.Now().Equal(seen) {
			atomic.AddInt64(runtimeClock, int64(nudge))
		}
		seen = time.Now()
	})
}

// EveryReal calls a function again and again, each time that a span of real time is
// over, on a goroutine of its own. It waits in the poller, not in a system call: that
// would be what stops the clock. If there is one processor, and it is busy, the runtime
// looks into the poller only after each garbage collection. What it returns ends it.
func EveryReal(d time.Duration, f func()) (stop func()) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return func() {} // out of descriptors: what is done by real time only tidies up
	}
	every := unix.NsecToTimespec(int64(d))
	if unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil) != nil {
		_ = unix.Close(fd)
		return func() {}
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	go func() {
		var expirations [8]byte
		for {
			if _, err := timer.Read(expirations[:]); err != nil {
				return
			}
			f()
		}
	}()
	return func() { timer.Close() }
}
