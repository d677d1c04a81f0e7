package provider

import (
	"errors"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
)

// What a restore has cost is said to the second, and not made up.
func TestAccountOfARestore(t *testing.T) {
	lost := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name          string
		backup, out   time.Duration // before and after the loss
		says, failure string
	}{
		{"ordinary", 10 * time.Minute, 42 * time.Second, "in the 10m0s before the loss is gone; out for 42s", ""},
		{"rounded", 90*time.Second + 900*time.Millisecond, 900 * time.Millisecond, "in the 1m31s before the loss is gone; out for 1s", ""},
		{"the clock went back", -time.Hour, time.Second, "taken 1h0m0s after the loss", "is not known"},
	} {
		r := api.Restore{Backup: "b", Lost: lost, BackupAt: lost.Add(-tt.backup), End: lost.Add(tt.out)}
		if got := account(&r); !strings.Contains(got, tt.says) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.says)
		}
		if r.RPOSeconds != tt.backup.Seconds() || (tt.failure == "") != (r.Error == "") || !strings.Contains(r.Error, tt.failure) {
			t.Errorf("%s: RPO %v, error %q", tt.name, r.RPOSeconds, r.Error)
		}
	}
}

func TestLatest(t *testing.T) {
	hour := func(n int) time.Time { return time.Date(2026, 1, 5, n, 0, 0, 0, time.UTC) }
	s := State{
		LastSlot: hour(1),
		Backups:  map[string]api.Backup{"b": {At: hour(2), VerifiedAt: hour(3)}},
		Restores: map[string]api.Restore{"r": {Decided: hour(4)}},
	}
	if got := s.Latest(); !got.Equal(hour(4)) {
		t.Errorf("got %v, want %v", got, hour(4))
	}
	if got := (State{}).Latest(); !got.IsZero() {
		t.Errorf("of nothing: got %v", got)
	}
}

// Once the restored data is in place, customers write to it: whoever leads next only
// starts what is down, unless the data has been lost again.
func TestRestoreWhoseDataIsInPlaceIsNotRepeated(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lost   string // why the data is lost again
		staged int
		phase  string
	}{
		{"the data is there", "", 0, api.RestoreDone},
		{"the data is lost again", "its data directory is empty", 1, api.RestoreFailed}, // the fake has no room
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &fakePlant{etcd: gone{}, members: []Member{{Name: etcd}}}
			p.resume = func() error {
				if p.members = []Member{{Name: etcd, Lost: tt.lost}}; tt.lost != "" {
					return errors.New(tt.lost)
				}
				return nil
			}
			operateWith(t, OperatorConfig{Plant: p}, func(t *testing.T, o *Operator, _ *fakeLedger, r *Replicas) {
				time.Sleep(time.Second) // until there is a leader
				at := time.Now().UTC()
				must(t, r.Apply(t.Context(), PutRestore(api.Restore{ID: "r", Phase: api.RestoreStarting, Backup: "b", BackupAt: at, Lost: at, Decided: at})))
				wake(o.decided)
				time.Sleep(time.Second)
				got := RestoreList(r.State())[0]
				if p.staged != tt.staged || got.Phase != tt.phase || tt.staged == 0 && (got.Backup != "b" || got.Revision != 42) {
					t.Errorf("laid anew %d times: %+v, want %d times and %s", p.staged, got, tt.staged, tt.phase)
				}
			})
		})
	}
}
