package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestInstallGoesOn: what is refused for a minute is installed in the next; what is refused
// for good ends with the reason.
func TestInstallGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, began := &Cluster{ctx: t.Context()}, time.Now()
		taken := errors.New("provided IP is already allocated")
		until := func(d time.Duration) func(context.Context) error {
			return func(context.Context) error {
				if time.Since(began) < d {
					return taken
				}
				return nil
			}
		}
		if err := c.install(t.Context(), until(time.Minute)); err != nil || time.Since(began) > time.Minute+time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		err := c.install(t.Context(), until(time.Hour))
		if !errors.Is(err, taken) || !strings.HasPrefix(err.Error(), "the managed add-ons did not become ready in 20m0s: ") {
			t.Errorf("got %v", err)
		}
	})
}
