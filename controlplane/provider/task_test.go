package provider

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Tasks are carried out in their order; one that fails keeps no other, and is tried
// again; one that is new is begun at once, and steps are taken at whole periods.
func TestTasksAreCarriedOut(t *testing.T) {
	for name, tt := range map[string]struct {
		period time.Duration
		want   []string
	}{
		"to their end": {0, []string{"0s a", "0s b", "10s a", "25s c"}},
		"by steps":     {time.Minute, []string{"0s a", "0s b", "25s c", "25s a", "1m0s c"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
				began, steps := time.Now(), map[string]int{"a": 2, "b": 1}
				var got []string
				k := tasks{woken: make(chan struct{}, 1), retry: 10 * time.Second, period: tt.period}
				k.open = func(context.Context) (open []run) {
					for _, task := range []string{"c", "a", "b"} {
						if steps[task] > 0 {
							open = append(open, func(context.Context) error {
								got = append(got, fmt.Sprintf("%s %s", time.Since(began), task))
								if steps[task]--; steps[task] > 0 {
									return errors.New("not yet")
								}
								return nil
							})
						}
					}
					return open
				}
				ctx, cancel := context.WithCancel(t.Context())
				go k.carryOut(ctx)
				time.Sleep(25 * time.Second)
				synctest.Wait()
				steps["c"] = 1
				if tt.period > 0 {
					steps["c"] = 2
				}
				wake(k.woken)
				time.Sleep(2 * time.Minute)
				cancel()
				synctest.Wait()
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
				if len(k.woken) != 1 {
					t.Error("the next leadership was not woken")
				}
			})
		})
	}
}
