package backup

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"demarc/sim/api"
)

// A clock that went back makes a newer backup look older; etcd's revision does not
// go back.
func TestOrderIsEtcds(t *testing.T) {
	all := []api.Backup{
		{ID: "first", At: at("05 10:00:00"), Revision: 100, Verified: true},
		{ID: "second", At: at("05 09:00:00"), Revision: 200, Verified: true},                            // after the clock went back
		{ID: "restored", At: at("05 08:00:00"), Revision: 200 + DefaultRevisionBump, Verified: true},    // once more
		{ID: "late", At: at("05 07:00:00"), Revision: 200 + DefaultRevisionBump, Verified: true},        // nothing was written since
		{ID: "again", At: at("05 06:00:00"), Revision: 100 + 2*DefaultRevisionBump + 5, Verified: true}, // the oldest was restored
	}
	if got, want := ids(Choose(all, "")), []string{"again", "restored", "late", "second", "first"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	gone := Expired(all, at("25 00:00:00"), api.BackupPolicy{})
	if slices.Contains(ids(gone), "again") || len(gone) != len(all)-1 {
		t.Errorf("%v go, want all but the newest", ids(gone))
	}
}

func TestLastTime(t *testing.T) {
	dir := t.TempDir()
	if got := LastTime(filepath.Join(dir, "none")); !got.IsZero() {
		t.Errorf("no store: got %v", got)
	}
	write := func(id string, h Header, damage func([]byte) []byte) {
		h.Format, h.ID, h.Nonce = FormatVersion, id, make([]byte, noncePrefix)
		b, err := h.encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, id+extension), damage(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole := func(b []byte) []byte { return b }
	slot := time.Date(2026, 1, 5, 8, 30, 0, 0, time.UTC)
	for _, step := range []struct {
		id     string
		at     time.Time
		damage func([]byte) []byte
		want   time.Time
	}{
		{ID(slot), slot.Add(4 * time.Second), whole, slot.Add(4 * time.Second)},
		{ManualID(slot.Add(time.Minute)), slot.Add(61 * time.Second), whole, slot.Add(61 * time.Second)},
		{ID(slot.Add(time.Hour)), slot.Add(time.Hour), func(b []byte) []byte { return b[:20] }, slot.Add(time.Hour)},
		{ID(slot.Add(2 * time.Hour)), slot.Add(2 * time.Hour), func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"at":"2026`), []byte(`"at":"2826`), 1)
		}, slot.Add(2 * time.Hour)},
		{"nonsense", slot.Add(9 * time.Hour), whole, slot.Add(2 * time.Hour)},
	} {
		write(step.id, Header{At: step.at}, step.damage)
		if got := LastTime(dir); !got.Equal(step.want) {
			t.Errorf("with %s: got %v, want %v", step.id, got, step.want)
		}
	}
}
