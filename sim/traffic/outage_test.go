package traffic

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOutages(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 1, 5, 8, 0, s, 0, time.UTC) }
	for _, c := range []struct {
		name string
		// results are, of a request in each second, . for a success and x for a failure.
		results string
		want    []Outage
	}{
		{"nothing", "", nil},
		{"single failures", ".x.xx.", nil},
		{"one", "..xxx.", []Outage{{From: at(2), To: at(5), Failed: 3, Reason: "connection refused"}}},
		{"two", "xxx.xxxx.", []Outage{{From: at(0), To: at(3), Failed: 3, Reason: "connection refused"}, {From: at(4), To: at(8), Failed: 4, Reason: "connection refused"}}},
		{"it lasts", ".xxxx", []Outage{{From: at(1), Failed: 4, Reason: "connection refused"}}},
		{"not yet", ".xx", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewRecord(Spec{Name: "t"})
			for i, x := range c.results {
				res := Result{Time: at(i), Backend: "default/b"}
				if x == 'x' {
					res = Result{Time: at(i), Reason: "connection refused"}
				}
				r.Add(res)
			}
			if d := cmp.Diff(c.want, r.Summary().Outages); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestOutageEndsLate checks that a slow success from before does not turn time back.
func TestOutageEndsLate(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	r := NewRecord(Spec{Name: "t"})
	for i := range 3 {
		r.Add(Result{Time: now.Add(time.Duration(i) * time.Second), Reason: "HTTP 503"})
	}
	r.Add(Result{Time: now.Add(-time.Second), Latency: 9 * time.Second, Backend: "default/b"})
	if got := r.Summary().Outages; len(got) != 1 || !got[0].To.Equal(now) {
		t.Errorf("got %+v", got)
	}
	if d := cmp.Diff([]string{"default/b"}, r.Summary().Pods); d != "" {
		t.Errorf("backends (-want +got)\n%s", d)
	}
}
