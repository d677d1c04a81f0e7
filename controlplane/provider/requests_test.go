package provider

import (
	"strings"
	"sync"
	"testing"
	"time"

	"demarc/sim/api"
)

// Two who ask for a restore at once get one restore.
func TestRestoreIsAskedForTwiceAtOnce(t *testing.T) {
	p := &fakeControlPlane{members: []Member{{Name: "etcd"}}, stage: time.Minute}
	operateWith(t, OperatorConfig{ControlPlane: p}, func(t *testing.T, o *Operator, _ *fakeLedger, r *Replicas) {
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

// A request that was left for this start may come again, of a life that was killed
// before it took the request away: it is the restore that was decided then.
func TestARestoreThatWasDecidedIsNotDecidedAgain(t *testing.T) {
	p := &fakeControlPlane{members: []Member{{Name: "etcd"}}, stage: time.Minute}
	operateWith(t, OperatorConfig{ControlPlane: p}, func(t *testing.T, o *Operator, _ *fakeLedger, r *Replicas) {
		within(t, time.Minute, "a leader", func() bool { _, ok := r.Leader(); return ok })
		at := time.Now().UTC()
		must(t, r.Apply(t.Context(), Restores.Put(api.Restore{ID: "r", Phase: api.RestoreDecided, Requested: true, Wanted: "b", Lost: at, Decided: at})))
		if again, err := o.DecideRestore(t.Context(), r, "b"); err != nil || again.ID != "r" {
			t.Errorf("got %+v, %v, want the restore of before", again, err)
		}
		if other, err := o.DecideRestore(t.Context(), r, "another"); err != nil || other.ID == "r" {
			t.Errorf("of another backup: got %+v, %v, want a restore of its own", other, err)
		}
	})
}
