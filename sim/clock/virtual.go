//go:build faketime && unix

package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Virtual says that this build's clock is virtual.
const Virtual = true

// block sleeps in a system call, which keeps the virtual clock where it is, for no
// longer than a client outside can wait for the runtime to look for its input.
func block(d time.Duration) {
	if d < 0 || d > fineRound {
		d = fineRound
	}
	// An interrupted one is a shorter one.
	_, _ = unix.Poll(nil, int((d+time.Millisecond-1)/time.Millisecond))
}

// RealTime is the machine's own time of day, which those outside the engine have too.
func RealTime() time.Time {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_REALTIME, &ts) // cannot fail with a valid clock
	return time.Unix(ts.Unix())
}

// RealNow is the machine's own monotonic time, for measuring spans.
func RealNow() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail with a valid clock
	return time.Duration(ts.Nano())
}
