package provider

import (
	"encoding/json"
	"errors"
	"slices"
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

// A resume's clock begins behind everything that any record has of the past; what is
// yet to come does not count.
func TestLatest(t *testing.T) {
	t0 := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	at := t0.Add(time.Hour)
	for name, s := range map[string]State{
		"slot":         {LastSlot: at},
		"backup":       {Backups: map[string]api.Backup{"b": {At: t0, VerifiedAt: at}}},
		"restore":      {Restores: map[string]api.Restore{"r": {Decided: at}}},
		"incident":     {Incidents: map[string]api.Incident{"i": {Start: t0, End: at}}},
		"repair":       {Repairs: map[string]api.Repair{"r": {Broken: t0, Actions: []api.RepairAction{{At: t0, Done: at}}}}},
		"consent":      {Consents: map[string]api.Consent{"c": {Granted: at, Expires: at.Add(time.Hour)}}},
		"CVE":          {CVEs: map[string]api.CVE{"c": {Published: t0, Fixed: at}}},
		"registration": {Registrations: map[string]api.Registration{"r": {Since: at, Due: at.Add(time.Hour)}}},
		"operation": {Operations: map[string]api.Operation{"o": {Began: t0, Upgrade: &api.Upgrade{
			Pools: []api.PoolUpgrade{{Nodes: []api.NodeUpgrade{{Ready: at}}}},
		}}}},
		"case": {Cases: map[string]json.RawMessage{"1": json.RawMessage(
			`{"opened":"2026-01-05T08:00:00Z","due":"2026-01-06T08:00:00Z","conversation":[{"at":"2026-01-05T09:00:00Z"}]}`)}},
	} {
		if got := s.Latest(); !got.Equal(at) {
			t.Errorf("of a %s: got %v, want %v", name, got, at)
		}
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
			p := &fakeControlPlane{etcd: gone{}, members: []Member{{Name: etcd}}}
			p.resume = func() error {
				if p.members = []Member{{Name: etcd, Lost: tt.lost}}; tt.lost != "" {
					return errors.New(tt.lost)
				}
				return nil
			}
			operateWith(t, OperatorConfig{ControlPlane: p}, func(t *testing.T, o *Operator, _ *fakeLedger, r *Replicas) {
				time.Sleep(time.Second) // until there is a leader
				at := time.Now().UTC()
				must(t, r.Apply(t.Context(), Restores.Put(api.Restore{ID: "r", Phase: api.RestoreStarting, Backup: "b", BackupAt: at, Lost: at, Decided: at})))
				wake(o.decided)
				time.Sleep(time.Second)
				got := Restores.List(r.State())[0]
				if p.staged != tt.staged || got.Phase != tt.phase || tt.staged == 0 && (got.Backup != "b" || got.Revision != 42 || !slices.Equal(got.Reconciled.OrphanedPods, []string{"default/new"})) {
					t.Errorf("laid anew %d times: %+v, want %d times and %s", p.staged, got, tt.staged, tt.phase)
				}
			})
		})
	}
}
