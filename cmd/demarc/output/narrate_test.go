package output

import (
	"bytes"
	"io"
	"regexp"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// TestNarrator checks that the story is in the order of virtual time although
// each batch has its events before its steps, and that it begins at time 0.
func TestNarrator(t *testing.T) {
	var out bytes.Buffer
	n := NewNarrator(&out, io.Discard)
	zero := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	event := func(after time.Duration, verb timeline.Verb) {
		n.Event(timeline.Event{Time: zero.Add(after), Actor: timeline.Provider, Verb: verb, Subject: "etcd"})
	}
	step := func(at time.Duration, kind, text string) {
		n.Step(api.Step{At: api.Duration(at), Kind: kind, Text: text})
	}
	event(-time.Minute, "started")
	n.Ready(zero)
	event(2*time.Minute, "crashed")
	event(4*time.Minute, "started")
	step(time.Minute, "narrative", "etcd is lost")
	step(3*time.Minute, "action", "at 3m start etcd")
	event(6*time.Minute, "restarted")
	step(6*time.Minute, "failed", "within 1m check")
	n.Close()

	var got string
	for _, m := range regexp.MustCompile(`(?m)^T\+(\S+) +(.*)$`).FindAllStringSubmatch(out.String(), -1) {
		got += m[1] + " " + m[2] + "\n"
	}
	want := `00:01:00 # etcd is lost
00:02:00 provider crashed etcd
00:03:00 do      at 3m start etcd
00:04:00 provider started etcd
00:06:00 provider restarted etcd
00:06:00 FAILED  within 1m check
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestSinceReady(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "T+00:00:00", 90 * time.Second: "T+00:01:30", 26*time.Hour + 1500*time.Millisecond: "T+26:00:01",
	} {
		if got := sinceReady(d); got != want {
			t.Errorf("sinceReady(%s): got %s, want %s", d, got, want)
		}
	}
}
