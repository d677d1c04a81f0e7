package timeline

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever asks for what is refused, again and again, does not fill the timeline; what
// he asked for, when first and how often is on it.
func TestRepeatsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "timeline.jsonl")
		l, _ := open(t, path, 0)
		r := NewRepeats(l)
		list := Event{Actor: Customer, Verb: "was refused", Subject: "backup", Message: "list backups"}
		take := Event{Actor: Customer, Verb: "was refused", Subject: "backup", Message: "take a backup"}
		r.Append(take)
		began := time.Now().UTC()
		for range 10_000 {
			r.Append(list)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * time.Hour)
		r.Append(list)
		r.Append(list)
		r.Flush()
		r.Flush()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		again, damage := open(t, path, 5)
		var got []string
		events, _ := again.Since(0)
		for _, e := range events {
			got = append(got, fmt.Sprint(e.Seq, " ", e.Cause, " ", e.Message))
		}
		want := "1 0 take a backup\n2 0 list backups\n3 2 list backups (9999 more times since " + began.Format(time.RFC3339) + ")\n" +
			"4 0 list backups\n5 4 list backups (1 more times since " + events[3].Time.Format(time.RFC3339) + ")"
		if strings.Join(got, "\n") != want || damage != (Damage{}) {
			t.Errorf("got\n%s\n%v, want\n%s", strings.Join(got, "\n"), damage, want)
		}
	})
}

// Nor does somebody who asks for something else each time.
func TestRepeatsOfManyKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		r := NewRepeats(l)
		for i := range 10 * repeatKinds {
			r.Append(Event{Actor: Customer, Verb: "was refused", Subject: fmt.Sprint("provider/", i)})
		}
		r.Append(Event{Actor: Provider, Verb: "was refused", Subject: "node/a"})
		if e := l.Last(); e.Actor != Provider {
			t.Errorf("the provider's is not told: %+v", e)
		}
		time.Sleep(2 * repeatWindow)
		events, _ := l.Since(0)
		if len(events) != repeatKinds+3 {
			t.Errorf("%d events, want %d of their own, one for all others with their number, and the provider's", len(events), repeatKinds)
		}
		if e := l.Last(); !strings.Contains(e.Message, fmt.Sprint(9*repeatKinds-1, " more times")) {
			t.Errorf("got %q, want how many there were", e.Message)
		}
	})
}
