//go:build !(faketime && linux)

package clock

import "time"

// poller is for the platform on which the runtime's own can be found.
type poller struct{}

func findPoller() *poller { return nil }

func (*poller) wait(d time.Duration) { block(d) }
