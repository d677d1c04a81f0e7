package backup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(clock string) time.Time {
	t, err := time.Parse("02 15:04:05", clock)
	if err != nil {
		panic(err)
	}
	return t.AddDate(2026, 0, 0)
}

func TestSlotAndID(t *testing.T) {
	berlin := time.FixedZone("CEST", 2*60*60)
	tests := []struct {
		at       time.Time
		interval time.Duration
		want     string
	}{
		{time.Date(2026, 1, 5, 8, 30, 0, 0, time.UTC), 0, "20260105T083000Z"},
		{time.Date(2026, 1, 5, 8, 59, 59, 999, time.UTC), 30 * time.Minute, "20260105T083000Z"},
		{time.Date(2026, 1, 5, 1, 15, 0, 0, berlin), time.Hour, "20260104T230000Z"},
		{time.Date(2026, 1, 5, 8, 30, 0, 0, time.UTC), 24 * time.Hour, "20260105T000000Z"},
	}
	for _, tt := range tests {
		slot := Slot(tt.at, tt.interval)
		if got := ID(slot); got != tt.want || slot.Location() != time.UTC {
			t.Errorf("Slot(%v, %v) = %v, ID %s, want %s", tt.at, tt.interval, slot, got, tt.want)
		}
	}
	if got := ManualID(time.Date(2026, 1, 5, 10, 30, 17, 5, berlin)); got != "20260105T083017Z-manual" || checkID(got) != nil {
		t.Error(got)
	}
}

func TestDue(t *testing.T) {
	tests := []struct {
		name      string
		now, last string
		slot      string
		missed    []string
		next      string
	}{
		{"new cluster", "05 08:10:00", "05 08:10:00", "", nil, "05 08:30:00"},
		{"new cluster, just before its first slot", "05 08:29:59", "05 08:10:00", "", nil, "05 08:30:00"},
		{"new cluster, its first slot", "05 08:30:00", "05 08:10:00", "05 08:30:00", nil, "05 09:00:00"},
		{"made on a slot", "05 08:30:00", "05 08:30:00", "", nil, "05 09:00:00"},
		{"taken", "05 08:30:10", "05 08:30:00", "", nil, "05 09:00:00"},
		{"on time", "05 09:00:00", "05 08:30:00", "05 09:00:00", nil, "05 09:30:00"},
		{"late", "05 09:29:59", "05 08:30:00", "05 09:00:00", nil, "05 09:30:00"},
		{"one missed", "05 09:30:00", "05 08:30:00", "05 09:30:00", []string{"05 09:00:00"}, "05 10:00:00"},
		{"clock jumps", "05 10:40:00", "05 08:30:00", "05 10:30:00", []string{"05 09:00:00", "05 09:30:00", "05 10:00:00"}, "05 11:00:00"},
		{"missed since creation", "05 09:05:00", "05 08:10:00", "05 09:00:00", []string{"05 08:30:00"}, "05 09:30:00"},
		{"over midnight", "06 00:00:00", "05 23:00:00", "06 00:00:00", []string{"05 23:30:00"}, "06 00:30:00"},
		{"clock goes back", "05 06:10:00", "05 08:30:00", "", nil, "05 06:30:00"},
		{"clock goes back on a slot", "05 06:30:00", "05 08:30:00", "", nil, "05 07:00:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want time.Time
			if tt.slot != "" {
				want = at(tt.slot)
			}
			var missed []time.Time
			for _, m := range tt.missed {
				missed = append(missed, at(m))
			}
			slot, gotMissed, next := Due(at(tt.now), at(tt.last), 0)
			if !slot.Equal(want) || !next.Equal(at(tt.next)) {
				t.Errorf("slot %v, next %v", slot, next)
			}
			if d := cmp.Diff(missed, gotMissed); d != "" {
				t.Error(d)
			}
		})
	}
	if slot, missed, _ := Due(at("05 08:30:00"), time.Time{}, 0); !slot.IsZero() || missed != nil {
		t.Errorf("without a last one: %v, %v", slot, missed)
	}
}

// Whenever it is asked, every slot is taken or missed, once.
func TestDueLosesNoSlot(t *testing.T) {
	created := at("05 08:10:00")
	for _, step := range []time.Duration{time.Minute, 7 * time.Minute, 30 * time.Minute, 47 * time.Minute, 3 * time.Hour} {
		seen := map[time.Time]int{}
		last, end := created, created.Add(48*time.Hour)
		for now := created; now.Before(end); now = now.Add(step) {
			slot, missed, next := Due(now, last, 0)
			for _, m := range missed {
				seen[m]++
			}
			if !slot.IsZero() {
				seen[slot]++
				last = slot
			}
			if !next.After(now) {
				t.Fatalf("at %v the next time is %v", now, next)
			}
		}
		for s := at("05 08:30:00"); !s.After(last); s = s.Add(30 * time.Minute) {
			if seen[s] != 1 {
				t.Errorf("steps of %v: slot %v was seen %d times", step, s, seen[s])
			}
			delete(seen, s)
		}
		if len(seen) != 0 {
			t.Errorf("steps of %v: %v", step, seen)
		}
	}
}

func TestLate(t *testing.T) {
	slot := at("05 08:30:00")
	for after, want := range map[time.Duration]bool{-time.Hour: false, 0: false, Tolerance: false, Tolerance + 1: true, time.Hour: true} {
		if got := Late(slot, slot.Add(after)); got != want {
			t.Errorf("%v after the slot: %v", after, got)
		}
	}
}
