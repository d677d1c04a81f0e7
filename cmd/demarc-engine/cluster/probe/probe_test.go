package probe

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"demarc/sim/api"
)

var eight = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// at is the time of the n-th probe.
func at(n int) time.Time { return eight.Add(time.Duration(n) * Period) }

// TestBook takes in what probes find of two pods, one letter each: both serve (u), one (d),
// none (x), or nobody asks (-).
func TestBook(t *testing.T) {
	down := func(from, to int) api.Lapse {
		l := api.Lapse{State: api.ProbeDown, From: at(from), Of: 2}
		if to > 0 {
			l.To = at(to)
		}
		return l
	}
	degraded := func(from, to int) api.Lapse {
		l := down(from, to)
		l.State, l.Serving = api.ProbeDegraded, 1
		return l
	}
	for found, want := range map[string][]api.Lapse{
		"uuuu":      {},
		"uduxu":     {}, // once is not enough
		"uddu":      {degraded(1, 3)},
		"uxxxu":     {down(1, 4)},
		"uxx":       {down(1, 0)},
		"uddxxu":    {degraded(1, 3), down(3, 5)},
		"uddxddu":   {degraded(1, 6)},
		"uxxddxxuu": {down(1, 3), degraded(3, 5), down(5, 7)},
		"uxx--u":    {down(1, 3)},
		"ux-xu":     {},
	} {
		var b Book
		for n, f := range found {
			var list []Finding
			if serving, ok := map[rune]int{'u': 2, 'd': 1, 'x': 0}[f]; ok {
				list = append(list, Finding{Subject: api.ProbeDNS, Serving: serving, Of: 2})
			}
			b.Take(list, at(n))
		}
		got := b.List()
		if diff := cmp.Diff([]api.Availability{{Subject: api.ProbeDNS, Since: at(0), Lapses: want}}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", found, diff)
		}
	}
}

// TestBookGoesOn takes over what an earlier engine has found: its lapse ended with it.
func TestBookGoesOn(t *testing.T) {
	var b Book
	b.Keep([]api.Availability{{Subject: api.ProbeDNS, Since: at(0), Lapses: []api.Lapse{{State: api.ProbeDown, From: at(1), Of: 2}}}}, at(5))
	b.Take([]Finding{{Subject: api.ProbeDNS, Serving: 2, Of: 2}}, at(9))
	if got := b.List(); len(got) != 1 || len(got[0].Lapses) != 1 || !got[0].Lapses[0].To.Equal(at(5)) {
		t.Errorf("got %+v", got)
	}
}
