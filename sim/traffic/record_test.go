package traffic

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

// fill records requests in the order of their ends: one that began at 1 s ends
// last, as a timeout does.
func fill() *Record {
	r := NewRecord(Spec{Name: "t"})
	r.Add(Result{Time: at(0), Status: 200, Backend: "default/a"})
	r.Add(Result{Time: at(2), Status: 200, Backend: "default/b"})
	r.Add(Result{Time: at(2.5), Reason: "connection refused"})
	r.Add(Result{Time: at(1), Latency: 2 * time.Second, Reason: "i/o timeout"})
	return r
}

func TestTotals(t *testing.T) {
	tests := []struct {
		since        time.Time
		sent, failed int64
		success      float64
		reasons      map[string]int64
		last         time.Time
	}{
		{time.Time{}, 4, 2, 0.5, map[string]int64{"connection refused": 1, "i/o timeout": 1}, at(1)},
		{at(1), 3, 2, 1.0 / 3, map[string]int64{"connection refused": 1, "i/o timeout": 1}, at(1)},
		{at(1.5), 2, 1, 0.5, map[string]int64{"connection refused": 1}, at(2.5)},
		{at(2.5), 1, 1, 0, map[string]int64{"connection refused": 1}, at(2.5)},
		{at(3), 0, 0, 1, map[string]int64{}, time.Time{}},
	}
	r := fill()
	for _, tt := range tests {
		got := r.Totals(tt.since)
		if got.Sent != tt.sent || got.Failed != tt.failed || got.Succeeded != tt.sent-tt.failed || got.Success != tt.success {
			t.Errorf("since %v: got %+v, want sent %d, failed %d, success %v", tt.since, got, tt.sent, tt.failed, tt.success)
		}
		if !maps.Equal(got.Reasons, tt.reasons) || !got.Last.Time.Equal(tt.last) {
			t.Errorf("since %v: got reasons %v, last %v; want %v, %v", tt.since, got.Reasons, got.Last.Time, tt.reasons, tt.last)
		}
	}
}

func TestBackends(t *testing.T) {
	if got, want := fill().Backends(at(1)), map[string]int64{"default/b": 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestResults(t *testing.T) {
	r := fill()
	for since, want := range map[time.Time]int{{}: 4, at(2): 3, at(2.6): 1, at(4): 0} {
		if got, _ := r.Results(since); len(got) != want {
			t.Errorf("since %v: got %d results, want %d", since, len(got), want)
		}
	}
	_, changed := r.Results(time.Time{})
	select {
	case <-changed:
		t.Error("changed before there is a new result")
	default:
	}
	r.Add(Result{Time: at(5)})
	select {
	case <-changed:
	default:
		t.Error("a new result was not announced")
	}
}

func BenchmarkTotals(b *testing.B) {
	r := NewRecord(Spec{Name: "t"})
	for i := range 100_000 {
		res := Result{Time: at(float64(i)), Status: 200, Backend: fmt.Sprint("default/shop-", i%5)}
		if i%2 == 0 {
			res = Result{Time: at(float64(i)), Reason: "i/o timeout"}
		}
		r.Add(res)
	}
	for b.Loop() {
		r.Totals(at(50_000))
	}
}

// TestSummaryAddsUp checks that the failures of a summary are those of its outages and those
// between them, while results come in.
func TestSummaryAddsUp(t *testing.T) {
	r := NewRecord(Spec{Name: "t"})
	done := make(chan struct{})
	go func() {
		defer close(done)
		now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
		for i := range 20_000 {
			res := Result{Time: now.Add(time.Duration(i) * time.Second)}
			if n := i % 8; n == 1 || n > 3 {
				res.Reason = "connection refused"
			}
			r.Add(res)
		}
	}()
	for more := true; more; {
		select {
		case <-done:
			more = false
		default:
		}
		s, sum := r.Summary(), int64(0)
		for _, o := range slices.Concat(s.Outages, s.Failures) {
			sum += o.Failed
		}
		if sum != s.Failed {
			t.Fatalf("%d requests failed, and outages and failures have %d", s.Failed, sum)
		}
	}
}
