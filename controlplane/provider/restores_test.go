package provider

import (
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
