//go:build !(faketime && unix)

package clock

import "time"

// Virtual says that this build's clock is virtual.
const Virtual = false

var processStart = time.Now()

func block(d time.Duration) { time.Sleep(d) }

// RealTime is the machine's own time of day, which those outside the engine have too.
func RealTime() time.Time { return time.Now() }

// RealNow is the machine's own time, for measuring spans.
func RealNow() time.Duration { return time.Since(processStart) }
