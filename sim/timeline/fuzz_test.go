package timeline

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"demarc/sim/disk"
)

// FuzzDecode reads lines: one that is read is the same after it was written.
func FuzzDecode(f *testing.F) {
	sealed, err := encode(Event{Seq: 7, Time: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), Actor: Provider, Verb: "created", Subject: "cluster/demarc", Message: "a \"word\" <b>\u2028"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSuffix(sealed, []byte("\n")))
	f.Add(sealed[:len(sealed)/2])
	f.Add([]byte(`{"seq":1,"time":"2026-01-05T08:00:00Z","actor":"provider","verb":"created","subject":"cluster/demarc"}`))
	f.Add([]byte(`{"seq":9223372036854775807,"time":"2026-01-01T00:00:00Z","verb":"did"}`))
	f.Add([]byte(`{"seq":1,"time":"9999-12-31T23:59:59.999999999+23:59","verb":"did"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := decode(line)
		if err != nil {
			return
		}
		if e.Seq < 1 || e.Seq > maxSeq || e.Time.IsZero() || e.Verb == "" {
			t.Errorf("%q is no event: %+v", line, e)
		}
		written, err := encode(e)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if bytes.Count(written, []byte("\n")) != 1 {
			t.Errorf("more than a line: %q", written)
		}
		again, err := decode(bytes.TrimSuffix(written, []byte("\n")))
		if rewritten, err2 := encode(again); err != nil || err2 != nil || !bytes.Equal(rewritten, written) {
			t.Errorf("written %q, and again %q, %v, %v", written, rewritten, err, err2)
		}
	})
}

// FuzzDamage changes some bytes of a log in one place, cuts it and adds to it. What
// stays is what was written, nothing is lost in silence, and no number is given out
// twice.
func FuzzDamage(f *testing.F) {
	const events = 5
	dir := f.TempDir()
	path := filepath.Join(dir, "timeline.jsonl")
	l, _, err := Open(path, 0)
	if err != nil {
		f.Fatal(err)
	}
	var want []Event
	for i := range events {
		want = append(want, l.Append(Event{Time: time.Date(2026, 1, 5, 8, i, 0, 0, time.UTC), Actor: Customer, Verb: "did", Subject: fmt.Sprint("thing/", i), Message: "{\"seq\":"}))
	}
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint(10), []byte{1}, uint(0), []byte{})
	f.Add(uint(bytes.Index(whole, []byte("crc32"))), []byte{1}, uint(0), []byte{})
	f.Add(uint(bytes.IndexByte(whole, '\n')), []byte{1}, uint(7), []byte{})
	f.Add(uint(0), []byte{}, uint(len(whole)/2), []byte("\n\n{}\nnull\n"))
	f.Fuzz(func(t *testing.T, at uint, change []byte, cut uint, more []byte) {
		text := bytes.Clone(whole)
		for i, x := range change[:min(len(change), 4)] {
			text[(int(at%uint(len(text)))+i)%len(text)] ^= x
		}
		text = text[:len(text)-int(cut%uint(len(text)+1))]
		if !bytes.Contains(more, []byte("seq")) { // else it may be an event
			text = append(text, more...)
		}
		for name, text := range map[string][]byte{path: text, path + disk.Damaged: nil} {
			if err := os.WriteFile(name, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if last := LastTime(path); last.After(want[events-1].Time) {
			t.Errorf("the last time is %v", last)
		}
		l, damage, err := Open(path, events)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := l.Since(0)
		for _, e := range got {
			if !slices.Contains(want, e) {
				t.Errorf("nobody wrote %+v", e)
			}
		}
		if len(got) < events && damage == (Damage{}) {
			t.Errorf("%d events of %d are left, and nobody says so", len(got), events)
		}
		next := l.Append(Event{Verb: "went on"})
		if next.Seq <= events || next.Seq > events+1+int64(len(text)) {
			t.Errorf("the next event is number %d", next.Seq)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		again, damage, err := Open(path, next.Seq)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if have, _ := again.Since(0); len(have) != len(got)+1 || damage != (Damage{}) {
			t.Errorf("the second time: %d events, want %d; %v", len(have), len(got)+1, damage)
		}
	})
}
