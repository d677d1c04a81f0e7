//go:build !(faketime && linux)

package clock

import "time"

// advance is for platforms on which the runtime's clock can be moved.
func advance(func(time.Time) time.Duration) bool { return false }

// keepMoving is for the same platforms.
func keepMoving() {}

// EveryReal calls a function again and again, each time that a span of real time is
// over, on a goroutine of its own. With a virtual clock it is one of virtual time here.
// What it returns ends it.
func EveryReal(d time.Duration, f func()) (stop func()) {
	tick := time.NewTicker(d)
	go func() {
		for range tick.C {
			f()
		}
	}()
	return tick.Stop
}
