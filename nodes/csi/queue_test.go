package csi

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestQueue adds a key while it is worked on, and while a failure of it is waited out.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var at []int // the seconds in which work on the key began
		fails := true
		q := newQueue(func(context.Context, string) error {
			at = append(at, int(time.Since(began).Seconds()))
			time.Sleep(2 * time.Second)
			if fails {
				return errors.New("no")
			}
			return nil
		})
		q.add("k") // before the start
		q.start(ctx)
		time.Sleep(time.Second)
		q.add("k") // it is being worked on
		q.add("k")
		time.Sleep(10 * time.Second) // the second failure is over at 4s, the third at 7s, and the next one waits until 9s
		synctest.Wait()
		fails = false
		q.add("k") // at 11s it is worked on
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []int{0, 2, 5, 9, 11}; !slices.Equal(at, want) || len(q.items) != 0 {
			t.Errorf("worked at %d, want %d; %d keys are left", at, want, len(q.items))
		}
		cancel()
		q.wait()
	})
}
