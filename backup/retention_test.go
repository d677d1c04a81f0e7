package backup

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
)

// halfHourly are the backups of n half hours, the last one at end.
func halfHourly(n int, end time.Time) []api.Backup {
	var all []api.Backup
	for i := range n {
		slot := end.Add(-time.Duration(n-1-i) * 30 * time.Minute)
		all = append(all, api.Backup{ID: ID(slot), Slot: slot, At: slot, Verified: true})
	}
	return all
}

func ids(entries []api.Backup) []string {
	var ids []string
	for _, b := range entries {
		ids = append(ids, b.ID)
	}
	return ids
}

// kept is what is left of the entries, in their order.
func kept(entries []api.Backup, now time.Time, p api.BackupPolicy) []api.Backup {
	gone := ids(Expired(entries, now, p))
	return slices.DeleteFunc(slices.Clone(entries), func(b api.Backup) bool { return slices.Contains(gone, b.ID) })
}

// Ten days of half-hourly backups leave a day of all and seven of one each,
// whatever the time of day, and whether they are thinned out once or each time.
func TestTenDaysLeaveADayAndSeven(t *testing.T) {
	for _, end := range []string{"15 00:00:00", "15 00:30:00", "15 12:00:00", "15 23:30:00"} {
		all := halfHourly(480, at(end))
		once := kept(all, at(end), api.BackupPolicy{})
		if len(once) != 48+7 {
			t.Errorf("%s: %d are left", end, len(once))
		}
		for _, b := range once[:len(once)-48] {
			if b.Slot.Hour() != 23 || b.Slot.Minute() != 30 {
				t.Errorf("%s: %s is not the last of its day", end, b.ID)
			}
		}
		var each []api.Backup
		for _, b := range all {
			each = kept(append(each, b), b.At, api.BackupPolicy{})
		}
		if d := cmp.Diff(ids(once), ids(each)); d != "" {
			t.Errorf("%s: %s", end, d)
		}
	}
}

func TestExpired(t *testing.T) {
	now := at("15 12:00:00")
	old := func(id string, age time.Duration, verified bool) api.Backup {
		return api.Backup{ID: id, At: now.Add(-age), Verified: verified}
	}
	hours := func(n int) time.Duration { return time.Duration(n) * time.Hour }
	tests := []struct {
		name    string
		entries []api.Backup
		policy  api.BackupPolicy
		want    []string
	}{
		{name: "none"},
		{name: "young ones stay, verified or not",
			entries: []api.Backup{old("a", 0, true), old("b", hours(23), false), old("c", hours(24)-1, true)}},
		{name: "not verified and old",
			entries: []api.Backup{old("a", 0, true), old("b", hours(30), false)}, want: []string{"b"}},
		{name: "a verified one does not make way for a later one that is not",
			entries: []api.Backup{old("later", hours(37), false), old("verified", hours(38), true), old("new", 0, true)}, want: []string{"later"}},
		{name: "the last verified of a day",
			entries: []api.Backup{old("b", hours(38), true), old("a", hours(39), true), old("new", 0, true)}, want: []string{"a"}},
		{name: "the newest verified stays for ever",
			entries: []api.Backup{old("a", hours(24*400), true), old("b", hours(24*401), true), old("c", hours(24*300), false)}, want: []string{"b", "c"}},
		{name: "none is verified",
			entries: []api.Backup{old("a", hours(24*400), false), old("b", hours(24*300), false)}, want: []string{"a"}},
		{name: "beyond the last day",
			entries: []api.Backup{old("in", hours(24*8)-1, true), old("out", hours(24*8), true), old("new", 0, true)}, want: []string{"out"}},
		{name: "another policy", policy: api.BackupPolicy{KeepAll: api.Duration(time.Hour), KeepDaily: 1},
			entries: []api.Backup{old("a", hours(1), true), old("b", hours(24), true), old("c", hours(26), true), old("new", 0, true)}, want: []string{"c", "a"}},
		{name: "from the future, since the clock went back",
			entries: []api.Backup{old("a", -hours(48), true), old("b", hours(1), true)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := slices.Clone(tt.entries)
			if d := cmp.Diff(tt.want, ids(Expired(tt.entries, now, tt.policy))); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(before, tt.entries); d != "" {
				t.Errorf("the entries were changed: %s", d)
			}
		})
	}
}

// What holds for any catalogue at any time.
func TestExpiredProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 300 {
		end := at("15 00:00:00").Add(time.Duration(rng.IntN(48)) * 30 * time.Minute)
		all := halfHourly(1+rng.IntN(600), end)
		for i := range all {
			all[i].Verified = rng.IntN(3) > 0
		}
		all = slices.DeleteFunc(all, func(api.Backup) bool { return rng.IntN(4) == 0 })
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		now := end.Add(time.Duration(rng.IntN(20*24)) * time.Hour)
		gone := Expired(all, now, api.BackupPolicy{})
		left := kept(all, now, api.BackupPolicy{})
		if len(gone)+len(left) != len(all) || (len(all) > 0 && len(left) == 0) {
			t.Fatalf("%d of %d are gone and %d left", len(gone), len(all), len(left))
		}
		for _, b := range gone {
			sameDay := func(l api.Backup) bool { return l.Verified && dayOf(l.At).Equal(dayOf(b.At)) && l.At.After(b.At) }
			switch {
			case now.Sub(b.At) < defaultKeepAll:
				t.Errorf("%s is gone, and young", b.ID)
			case b.Verified && now.Sub(b.At) < 8*day && !slices.ContainsFunc(left, sameDay):
				t.Errorf("%s is gone, and no later verified one of its day is left", b.ID)
			case b.Verified && !slices.ContainsFunc(left, func(l api.Backup) bool { return l.Verified && l.At.After(b.At) }):
				t.Errorf("%s is gone, and no later verified one is left", b.ID)
			}
		}
	}
}

func TestChoose(t *testing.T) {
	entries := []api.Backup{
		{ID: "a", At: at("05 08:00:00")}, {ID: "c", At: at("05 09:00:00")},
		{ID: "b", At: at("05 09:00:00"), Verified: true}, {ID: "d", At: at("05 08:30:00")},
	}
	for wanted, want := range map[string][]string{"": {"c", "b", "d", "a"}, "d": {"d"}, "x": nil} {
		if d := cmp.Diff(want, ids(Choose(entries, wanted))); d != "" {
			t.Errorf("%q: %s", wanted, d)
		}
	}
}
