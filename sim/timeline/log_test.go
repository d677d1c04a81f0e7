package timeline

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"demarc/sim/disk"
)

// wrote makes a log of n events and returns its path.
func wrote(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "timeline.jsonl")
	l, _ := open(t, path, 0)
	for i := range n {
		l.Append(Event{Time: time.Unix(int64(1000+i), 0), Actor: Provider, Verb: "did", Subject: fmt.Sprint("thing/", i+1)})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string, known int64) (*Log, Damage) {
	t.Helper()
	l, d, err := Open(path, known)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, d
}

func numbers(l *Log) (list []int64) {
	events, _ := l.Since(0)
	for _, e := range events {
		list = append(list, e.Seq)
	}
	return list
}

// A disk that was full for a while leaves neither a hole nor a line twice.
func TestLogCatchesUpAfterAFullDisk(t *testing.T) {
	path := wrote(t, 2)
	l, _ := open(t, path, 0)
	end := disk.Interpose(func(op disk.Operation, _ string, n int) (int, error) { return n / 2, syscall.ENOSPC })
	defer end()
	for range 3 {
		l.Append(Event{Verb: "did", Subject: "while it was full"})
	}
	if err := l.Flush(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("while it is full: got %v", err)
	}
	kept, more := l.Kept(0)
	if all, _ := l.Since(0); len(kept) != 2 || len(all) != 5 {
		t.Errorf("while it is full: %d of %d events are shown outside, want 2 of 5", len(kept), len(all))
	}
	end()
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-more:
	default:
		t.Error("who waits is not told of events that the file has now")
	}
	if kept, _ = l.Kept(2); len(kept) != 3 {
		t.Errorf("when it has been written: %d events more are shown, want 3", len(kept))
	}
	l.Append(Event{Verb: "did", Subject: "after"})
	again, d := open(t, path, 6)
	if got, want := numbers(again), []int64{1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) || d != (Damage{}) {
		t.Errorf("got %v and %q, want %v", got, d, want)
	}
}

func TestDamagedLogKeepsTheRest(t *testing.T) {
	for name, tt := range map[string]struct {
		damage func([]byte) []byte
		known  int64
		left   []int64
		next   int64
		want   Damage
	}{
		"whole":     {func(b []byte) []byte { return b }, 5, []int64{1, 2, 3, 4, 5}, 6, Damage{}},
		"cut short": {func(b []byte) []byte { return b[:len(b)-3] }, 0, []int64{1, 2, 3, 4}, 5, Damage{}},
		"flipped":   {func(b []byte) []byte { return bytes.Replace(b, []byte("thing/3"), []byte("thing/7"), 1) }, 5, []int64{1, 2, 4, 5}, 7, Damage{Lines: 1}},
		"no JSON":   {func(b []byte) []byte { return bytes.Replace(b, []byte(`{"seq":2`), []byte(`}"seq":2`), 1) }, 5, []int64{1, 3, 4, 5}, 7, Damage{Lines: 1}},
		"lines glued": {func(b []byte) []byte {
			i := bytes.LastIndexByte(b[:len(b)-1], '\n')
			return append(append(bytes.Clone(b[:i]), 'J'), b[i+1:]...)
		}, 0, []int64{1, 2, 3}, 6, Damage{Lines: 1}},
		"a number beyond all": {func(b []byte) []byte {
			return append(b, []byte(`{"seq":9223372036854775807,"time":"2026-01-01T00:00:00Z","verb":"did"}`+"\n")...)
		}, 0, []int64{1, 2, 3, 4, 5}, 7, Damage{Lines: 1}},
		"halved":  {func(b []byte) []byte { return b[:len(b)/2] }, 5, []int64{1, 2}, 6, Damage{Missing: 3}},
		"emptied": {func([]byte) []byte { return nil }, 5, nil, 6, Damage{Missing: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			path := wrote(t, 5)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, tt.damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			l, d := open(t, path, tt.known)
			d.Aside = ""
			if got := numbers(l); !slices.Equal(got, tt.left) || d != tt.want {
				t.Errorf("got %v and %+v, want %v and %+v", got, d, tt.left, tt.want)
			}
			e := l.Append(Event{Verb: "went on"})
			if e.Seq != tt.next {
				t.Errorf("the next event is number %d, want %d", e.Seq, tt.next)
			}
			if got, ok := l.Get(e.Seq); !ok || got != e {
				t.Errorf("got %+v, %t", got, ok)
			}
			again, d := open(t, path, 0)
			if got, want := numbers(again), append(tt.left, tt.next); !slices.Equal(got, want) || d != (Damage{}) {
				t.Errorf("the second time: got %v and %+v, want %v and nothing damaged", got, d, want)
			}
			if _, err := os.Stat(path + disk.Damaged); (err == nil) != (tt.want.Lines > 0) {
				t.Errorf("what was set aside: %v", err)
			}
		})
	}
}

// Logs of earlier versions have no checksums.
func TestLogOfAnEarlierVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "timeline.jsonl")
	old := `{"seq":1,"time":"2026-01-05T08:00:00Z","actor":"provider","verb":"created","subject":"cluster/demarc"}` + "\n"
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := LastTime(path), time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("its last time is %v, want %v", got, want)
	}
	l, d := open(t, path, 1)
	if got := numbers(l); len(got) != 1 || d != (Damage{}) {
		t.Errorf("got %v and %+v", got, d)
	}
}

// Nobody fills the timeline with one event.
func TestLogCutsLongTexts(t *testing.T) {
	l, long := New(), strings.Repeat("é", maxMessage)
	if e := l.Append(Event{Verb: "did", Subject: long, Message: long[:maxMessage]}); len(e.Subject) > maxSubject+3 || !strings.HasSuffix(e.Subject, "é…") || e.Message != long[:maxMessage] {
		t.Errorf("got a subject of %d and a message of %d bytes", len(e.Subject), len(e.Message))
	}
}
