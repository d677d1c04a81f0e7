package provider

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Two who ask for a restore at once get one restore.
func TestRestoreIsAskedForTwiceAtOnce(t *testing.T) {
	p := &fakePlant{members: []Member{{Name: "etcd"}}, stage: time.Minute}
	operateWith(t, OperatorConfig{Plant: p}, func(t *testing.T, o *Operator, _ *fakeLedger, r *Replicas) {
		within(t, time.Minute, "a leader", func() bool { _, ok := r.Leader(); return ok })
		var asked sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			asked.Go(func() { _, errs[i] = o.RequestRestore(t.Context(), r, "") })
		}
		asked.Wait()
		taken := 0
		for _, err := range errs {
			switch {
			case err == nil:
				taken++
			case !strings.Contains(err.Error(), "is under way"):
				t.Error(err)
			}
		}
		if taken != 1 {
			t.Errorf("%d restores were taken on, want 1", taken)
		}
	})
}
