//go:build !(faketime && linux)

package clock

import "time"

// advance is for platforms on which the runtime's clock can be moved.
func advance(func(time.Time) time.Duration) bool { return false }

// keepMoving is for the same platforms.
func keepMoving() {}
