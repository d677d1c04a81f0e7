package clock

import (
	"context"
	"time"
)

// Sleep waits, and says whether it came to its end before ctx did.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
	return ctx.Err() == nil
}

// UntilTick is the time until the next whole multiple of a period: loops that wake up
// together cost the virtual clock one step.
func UntilTick(now time.Time, period time.Duration) time.Duration {
	return now.Truncate(period).Add(period).Sub(now)
}
