package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/fault"
)

// providersToken opens what is the provider's.
var providersToken = api.NewToken()

var eight = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// fakeEngine plays the engine of the cluster demarc and returns the directory of
// clusters. Customers are refused what is the provider's.
func fakeEngine(t *testing.T, answers map[string]func() any) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/provider/") && r.Header.Get("Authorization") != "Bearer "+providersToken {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error": "backups are the provider's", "hint": "ask for a restore in a support case"}`)
			return
		}
		answer := answers[r.Method+" "+r.URL.Path]
		if answer == nil {
			w.WriteHeader(http.StatusNotFound)
			if err := json.NewEncoder(w).Encode(api.Error{Message: "no " + r.URL.Path}); err != nil {
				t.Error(err)
			}
			return
		}
		if err := json.NewEncoder(w).Encode(answer()); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	home := t.TempDir()
	dir := filepath.Join(home, "demarc")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	handle, err := json.Marshal(api.Handle{PID: os.Getpid(), Address: strings.TrimPrefix(s.URL, "http://"), Token: api.NewToken()})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"version.json": `{"format": 2}`, "engine.json": string(handle), "provider.token": providersToken + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func always(v any) func() any { return func() any { return v } }

var (
	goodBackup = api.Backup{
		ID: "20260105T083000Z", Slot: eight.Add(30 * time.Minute), At: eight.Add(30 * time.Minute), DurationSeconds: 0.25, Revision: 1234, Keys: 567,
		Bytes: 3 << 19, DatabaseBytes: 4 << 20, SHA256: "abc", Member: "etcd", Verified: true,
	}
	badBackup = api.Backup{ID: "20260105T090000Z", At: eight.Add(time.Hour), Problem: "its SHA-256 is not the catalogue's"}
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
		ID: "r1", Phase: api.RestoreDone, Backup: goodBackup.ID, BackupAt: goodBackup.At, Lost: eight.Add(40 * time.Minute), Revision: 5000,
		RPOSeconds: 600, RTOSeconds: 42.5, Skipped: []api.SkippedBackup{{ID: badBackup.ID, Reason: "damaged"}},
		Reconciled: api.Reconciled{OrphanedPods: []string{"a", "b"}},
	}
	home := fakeEngine(t, map[string]func() any{
		"GET " + api.PathBackups:                             always([]api.Backup{badBackup, goodBackup}),
		"POST " + api.PathBackups:                            always(goodBackup),
		"GET " + api.PathBackup + goodBackup.ID:              always(goodBackup),
		"POST " + api.PathBackup + goodBackup.ID + "/verify": always(goodBackup),
		"POST " + api.PathBackup + badBackup.ID + "/verify":  always(badBackup),
		"POST " + api.PathRestores:                           always(api.Restore{ID: "r1", Phase: api.RestoreDecided}),
		"GET " + api.PathRestores:                            passes(done),
		"GET " + api.PathClock:                               always(api.Clock{Virtual: true}),
		"GET " + api.PathReplicas:                            always([]api.Replica{{Name: "0", State: "leader", Network: "up", Term: 3, Applied: 41, Last: 42, Since: eight}}),
	})
	for _, c := range []struct {
		args       string
		code       int
		out, error string
	}{
		{"backup list", exitInput, "", "backups are the provider's (ask for a restore in a support case)"},
		{"backup verify latest", exitInput, "", "support case"},
		{"backup restore", exitInput, "", "support case"},
		{"replicas", exitInput, "", "support case"},
		{"--as provider backup list", exitHeld, "20260105T083000Z  2026-01-05 08:30:00  250ms  1234      567   1.5 MiB  yes       \n20260105T090000Z", ""},
		{"--as provider backup show 20260105T083000Z", exitHeld, "revision 1234, 567 keys, 4.0 MiB", ""},
		{"--as provider backup show nothing", exitInput, "", "no /v1/provider/backups/nothing"},
		{"--as provider backup take", exitHeld, "20260105T083000Z", ""},
		{"--as provider backup verify 20260105T083000Z", exitHeld, "20260105T083000Z can be restored from: 1.5 MiB with SHA-256 abc", ""},
		{"--as provider backup verify latest", exitNotHeld, "", "20260105T090000Z cannot be restored from: its SHA-256 is not the catalogue's"},
		{"--as provider -o json backup verify latest", exitNotHeld, `"id": "20260105T090000Z"`, ""},
		{"--as provider backup restore", exitHeld, "restored from 20260105T083000Z, taken at 2026-01-05 08:30:00; etcd goes on at revision 5000\n" +
			"  skipped 20260105T090000Z: damaged\n  RPO 10m0s: from the backup to the loss at 2026-01-05 08:40:00\n" +
			"  RTO 42.5s: from the loss to an API server that serves\n  2 pods that the backup does not know: stopped\n", "restore r1: restoring …\n"},
		{"--as provider backup restore 20260105T083000Z -o json", exitHeld, `"rpoSeconds": 600`, "clock is paused"},
		{"--as provider replicas", exitHeld, "0        leader  up       3     41       42    2026-01-05 08:00:00\n", ""},
		{"__complete --as provider backup show ", exitHeld, "latest\tthe newest\n20260105T083000Z\trevision 1234, 1.5 MiB\n20260105T090000Z\trevision 0, 0 bytes (not verified)\n", ""},
		{"__complete fault inject corrupt ", exitHeld, "backup/20260105T090000Z\n", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errout := runIn(t, home, strings.Split(c.args, " ")...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) {
				t.Errorf("got %d\n%q\n%q\nwant %d\n%q\n%q", code, out, errout, c.code, c.out, c.error)
			}
		})
	}
}

// TestRestoreThatFails checks the exit code and the reason.
func TestRestoreThatFails(t *testing.T) {
	failed := api.Restore{ID: "r1", Phase: api.RestoreFailed, Error: "no backup verifies"}
	home := fakeEngine(t, map[string]func() any{
		"GET " + api.PathBackups:   always([]api.Backup{}),
		"POST " + api.PathRestores: always(api.Restore{ID: "r1", Phase: api.RestoreDecided}),
		"GET " + api.PathRestores:  passes(failed),
	})
	code, out, errout := runIn(t, home, "--as", "provider", "backup", "restore")
	if code != exitNotHeld || out != "" || !strings.Contains(errout, "the restore r1 failed: no backup verifies") {
		t.Errorf("got %d, %q, %q", code, out, errout)
	}
	code, _, errout = runIn(t, home, "--as", "provider", "backup", "restore", "latest")
	if code != exitInput || !strings.Contains(errout, "there is no backup yet") {
		t.Errorf("latest of none: got %d, %q", code, errout)
	}
	if code, out, errout = runIn(t, home, "--as", "provider", "backup", "list"); code != exitHeld || out != "" || !strings.Contains(errout, "no backup yet") {
		t.Errorf("list of none: got %d, %q, %q", code, out, errout)
	}
}

// TestHealAll checks that what the role may not heal keeps nothing else from it.
func TestHealAll(t *testing.T) {
	home := fakeEngine(t, map[string]func() any{
		"GET " + api.PathFaults:          always([]fault.Active{{ID: "f1"}, {ID: "f2"}}),
		"DELETE " + api.PathFault + "f2": always(struct{}{}),
	})
	code, _, errout := runIn(t, home, "fault", "heal", "all")
	if code != exitInput || !strings.Contains(errout, "healed f2\n") || !strings.Contains(errout, "no /v1/faults/f1") {
		t.Errorf("got %d, %q", code, errout)
	}
}

// TestWithoutAToken checks what is said where the engine has left no token.
func TestWithoutAToken(t *testing.T) {
	home := fakeEngine(t, nil)
	if err := os.Remove(filepath.Join(home, "demarc", "provider.token")); err != nil {
		t.Fatal(err)
	}
	code, _, errout := runIn(t, home, "--as", "provider", "backup", "list")
	if code != exitInput || !strings.Contains(errout, "no token of the provider") {
		t.Errorf("got %d, %q", code, errout)
	}
}

func TestUpOptions(t *testing.T) {
	o := upOptions{nodes: 3, etcdMembers: 3, apiServers: 2, backupKeep: 48 * time.Hour, backupDaily: 30, rate: "1x", edition: api.DefaultEdition, egress: true}
	cfg, err := o.config("demarc")
	if err != nil {
		t.Fatal(err)
	}
	c := cfg.Cluster
	if want := (api.BackupPolicy{KeepAll: api.Duration(48 * time.Hour), KeepDaily: 30}); c.EtcdMembers != 3 || c.APIServers != 2 || c.Backups != want || !c.WebhookEgress {
		t.Errorf("got %+v", c)
	}
	var said strings.Builder
	o.changed = func(string) bool { return true }
	(&app{Printer: &output.Printer{Err: &said}}).warnKept(o, api.Status{Name: "demarc", Cluster: api.ClusterSpec{Nodes: 3, Edition: api.DefaultEdition}})
	for _, want := range []string{"--etcd-members", "1 etcd member (", "--api-servers", "1 API server (", "--webhook-egress=false (", "kept for 24h0m0s", "kept for 7 days"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("got no %q in:\n%s", want, said.String())
		}
	}
}
