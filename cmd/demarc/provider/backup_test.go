package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
)

var demarc = commandtest.Group(Commands)

var (
	goodBackup = api.Backup{
		ID: "20260105T083000Z", Slot: commandtest.Eight.Add(30 * time.Minute), At: commandtest.Eight.Add(30 * time.Minute), DurationSeconds: 0.25, Revision: 1234, Keys: 567,
		Bytes: 3 << 19, DatabaseBytes: 4 << 20, SHA256: "abc", Member: "etcd", Verified: true,
	}
	badBackup = api.Backup{ID: "20260105T090000Z", At: commandtest.Eight.Add(time.Hour), Problem: "its SHA-256 is not the catalogue's"}
)

// passes plays a restore that goes on with each question.
func passes(last api.Restore) func() any {
	n := 0
	return func() any {
		n++
		if n < 3 {
			return []api.Restore{{ID: "r0", Phase: api.RestoreDone}, {ID: last.ID, Phase: api.RestoreRestoring}}
		}
		return []api.Restore{last}
	}
}

func TestProviderCommands(t *testing.T) {
	done := api.Restore{
		ID: "r1", Phase: api.RestoreDone, Backup: goodBackup.ID, BackupAt: goodBackup.At, Lost: commandtest.Eight.Add(40 * time.Minute), Revision: 5000,
		RPOSeconds: 600, RTOSeconds: 42.5, Skipped: []api.SkippedBackup{{ID: badBackup.ID, Reason: "damaged"}},
		Reconciled: api.Reconciled{OrphanedPods: []string{"a", "b"}},
	}
	home := commandtest.Engine(t, commandtest.Answers{
		"Backups":                       []api.Backup{badBackup, goodBackup},
		"TakeBackup":                    goodBackup,
		"Backup " + goodBackup.ID:       goodBackup,
		"VerifyBackup " + goodBackup.ID: goodBackup,
		"VerifyBackup " + badBackup.ID:  badBackup,
		"Restore":                       api.Restore{ID: "r1", Phase: api.RestoreDecided},
		"Restores":                      passes(done),
		"Clock":                         api.Clock{Virtual: true},
		"Replicas":                      []api.Replica{{Name: "0", State: "leader", Network: "up", Term: 3, Applied: 41, Last: 42, Since: commandtest.Eight}},
	})
	demarc.Check(t, home, []commandtest.Case{
		{"backup list", command.BadRequest, "", "backups are the provider's (ask for a restore in a support case)"},
		{"backup verify latest", command.BadRequest, "", "support case"},
		{"backup restore", command.BadRequest, "", "support case"},
		{"replicas", command.BadRequest, "", "support case"},
		{"--as provider backup list", command.Held, "20260105T083000Z  2026-01-05 08:30:00  250ms  1234      567   1.5 MiB  yes\n20260105T090000Z", ""},
		{"--as provider backup show 20260105T083000Z", command.Held, "revision 1234, 567 keys, 4.0 MiB", ""},
		{"--as provider backup show nothing", command.BadRequest, "", "no /v1/provider/backups/nothing"},
		{"--as provider backup take", command.Held, "20260105T083000Z", ""},
		{"--as provider backup verify 20260105T083000Z", command.Held, "20260105T083000Z can be restored from: 1.5 MiB with SHA-256 abc", ""},
		{"--as provider backup verify latest", command.NotHeld, "", "20260105T090000Z cannot be restored from: its SHA-256 is not the catalogue's"},
		{"--as provider -o json backup verify latest", command.NotHeld, `"id": "20260105T090000Z"`, ""},
		{"--as provider backup restore", command.Held, "restored from 20260105T083000Z, taken at 2026-01-05 08:30:00; etcd goes on at revision 5000\n" +
			"  skipped 20260105T090000Z: damaged\n  RPO 10m0s: from the backup to the loss at 2026-01-05 08:40:00\n" +
			"  RTO 42.5s: from the loss to an API server that serves\n  2 pods that the backup does not know: stopped\n", "restore r1: restoring …\n"},
		{"--as provider backup restore 20260105T083000Z -o json", command.Held, `"rpoSeconds": 600`, "clock is paused"},
		{"--as provider replicas", command.Held, "0        leader  up       3     41       42    2026-01-05 08:00:00\n", ""},
		{"__complete --as provider backup show ", command.Held, "latest\tthe newest\n20260105T083000Z\trevision 1234, 1.5 MiB\n20260105T090000Z\trevision 0, 0 bytes (not verified)\n", ""},
	})
}

// TestRestoreThatFails checks the exit code and the reason.
func TestRestoreThatFails(t *testing.T) {
	failed := api.Restore{ID: "r1", Phase: api.RestoreFailed, Error: "no backup verifies"}
	home := commandtest.Engine(t, commandtest.Answers{
		"Backups":  []api.Backup{},
		"Restore":  api.Restore{ID: "r1", Phase: api.RestoreDecided},
		"Restores": passes(failed),
	})
	code, out, errout := demarc.Run(t, home, "--as", "provider", "backup", "restore")
	if code != command.NotHeld || out != "" || !strings.Contains(errout, "the restore r1 failed: no backup verifies") {
		t.Errorf("got %d, %q, %q", code, out, errout)
	}
	code, _, errout = demarc.Run(t, home, "--as", "provider", "backup", "restore", "latest")
	if code != command.BadRequest || !strings.Contains(errout, "there is no backup yet") {
		t.Errorf("latest of none: got %d, %q", code, errout)
	}
	if code, out, errout = demarc.Run(t, home, "--as", "provider", "backup", "list"); code != command.Held || out != "" || !strings.Contains(errout, "no backup yet") {
		t.Errorf("list of none: got %d, %q, %q", code, out, errout)
	}
}

// TestWithoutAToken checks what is said where the engine has left no token.
func TestWithoutAToken(t *testing.T) {
	home := commandtest.Engine(t, nil)
	if err := os.Remove(filepath.Join(home, "demarc", "provider.token")); err != nil {
		t.Fatal(err)
	}
	code, _, errout := demarc.Run(t, home, "--as", "provider", "backup", "list")
	if code != command.BadRequest || !strings.Contains(errout, "no token of the provider") {
		t.Errorf("got %d, %q", code, errout)
	}
}
