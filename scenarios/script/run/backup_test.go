package run

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
)

// TestBackupVerb checks what is asked of the world, and on whose behalf.
func TestBackupVerb(t *testing.T) {
	report, _, world := play(t, `
at 1s backup take
at 2s backup restore
at 3s backup verify id=latest
at 4s backup show id=20260105T080000Z
at 5s backup delete id=20260105T080000Z
at 6s refuse backup list by=customer containing='support case'
at 7s refuse backup restore id=latest by=customer
finally check 'true'
`, func(w *fakeWorld) {
		w.backUp(api.Backup{ID: "20260105T083000Z", At: time.Now()})
		w.backUp(api.Backup{ID: "20260105T080000Z", At: time.Now().Add(-30 * time.Minute)})
	})
	if report.Verdict != api.VerdictHeld {
		t.Fatalf("got %s: %+v", report.Verdict, report.Expectations)
	}
	var asked []string
	events, _ := world.Timeline().Since(0)
	for _, e := range events {
		if e.Verb == "asked" {
			asked = append(asked, e.Subject)
		}
	}
	want := "take, restore, verify 20260105T083000Z, show 20260105T080000Z, delete 20260105T080000Z"
	if got := strings.Join(asked, ", "); got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
	if got := report.Backups; len(got) != 2 || got[0].ID != "20260105T080000Z" {
		t.Errorf("backups of the report: got %+v, want both, the oldest first", got)
	}
	if report.Restores == nil || report.Backups == nil {
		t.Error("the report's backups and restores are never nil")
	}
}

func TestNoBackupYet(t *testing.T) {
	report, _, _ := play(t, "at 1s backup verify id=latest\nfinally check 'backups.size() == 0'\n", nil)
	if got := report.Expectations; got[0].Held || !strings.Contains(got[0].Seen, "there is no backup yet") || !got[1].Held {
		t.Errorf("got %+v", got)
	}
}

// TestBackupsAreSeenAtOnce checks that a check on backups is looked at when the
// timeline changes, and not only in the next second.
func TestBackupsAreSeenAtOnce(t *testing.T) {
	report, _, _ := play(t, "within 10s check 'backups.size() == 1'\n", func(w *fakeWorld) {
		after(3500*time.Millisecond, func() { w.backUp(api.Backup{ID: "b"}) })
	})
	if got, want := outcomes(report), "2 held@3.5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
