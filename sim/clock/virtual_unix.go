//go:build faketime && unix && !linux

package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Virtual says that this build's clock is virtual.
const Virtual = true

// block sleeps in a system call, which keeps the virtual clock where it is.
func block(d time.Duration) {
	tv := unix.NsecToTimeval(int64(d))
	_, _ = unix.Select(0, nil, nil, nil, &tv) // an interrupted sleep is a shorter one
}

// RealNow is the machine's own monotonic time, for measuring spans.
func RealNow() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail with a valid clock
	return time.Duration(ts.Nano())
}
