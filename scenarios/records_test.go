package scenarios_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/backup"
	"demarc/sim/api"
)

// TestLostRecords resumes a cluster whose own records are gone, and the key of its
// backups: its clients' files stay good, what cannot be restored any more is said, and is
// there again with the key.
func TestLostRecords(t *testing.T) {
	m := newMortal(t)
	before := m.status()
	old := m.takeBackup()
	m.stop()
	for _, name := range []string{"state.json", "state.json.old", "cluster.json"} {
		if err := os.Remove(filepath.Join(m.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	key, copied := backup.KeyFile(m.dir), filepath.Join(t.TempDir(), "backup.key")
	if err := os.Rename(key, copied); err != nil {
		t.Fatal(err)
	}
	m.newKey = true
	m.start()
	after := m.status()
	if after.Server != before.Server || len(after.MovedPorts) > 0 {
		t.Errorf("the API server is at %s, and was at %s; moved: %v", after.Server, before.Server, after.MovedPorts)
	}
	if !slices.ContainsFunc(after.Mended, func(x api.Mended) bool {
		return x.Subject == "backup.key" && strings.Contains(x.Remedy, "cannot be restored")
	}) {
		t.Errorf("that the key is lost is not said: %+v", after.Mended)
	}
	m.awaitVerified(map[string]bool{old: false})
	young := m.takeBackup()
	if _, err := m.provider().Restore(t.Context(), api.RestoreRequest{}); err != nil {
		t.Fatal(err)
	}
	m.awaitRestored(0)
	if list, err := m.provider().Restores(t.Context()); err != nil || list[0].Backup != young {
		t.Errorf("restored %+v, %v; want %s", list, err, young)
	}
	m.stop()
	if err := os.Rename(copied, key); err != nil {
		t.Fatal(err)
	}
	m.newKey = false
	m.start()
	m.awaitVerified(map[string]bool{old: true, young: false})
}

// takeBackup takes a backup and returns its ID.
func (m *mortal) takeBackup() string {
	m.t.Helper()
	b, err := m.provider().TakeBackup(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return b.ID
}

func (m *mortal) stop() {
	m.t.Helper()
	if err := m.p.Stop(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
}

// awaitVerified waits until the catalogue says of backups whether they can be restored.
func (m *mortal) awaitVerified(want map[string]bool) {
	m.t.Helper()
	var list []api.Backup
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
		var err error
		if list, err = m.provider().Backups(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
		if !slices.ContainsFunc(list, func(b api.Backup) bool { v, ok := want[b.ID]; return ok && v != b.Verified }) {
			return
		}
	}
	m.t.Errorf("backups: %+v, want verified %v", list, want)
}
