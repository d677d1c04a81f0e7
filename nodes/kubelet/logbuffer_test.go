package kubelet

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLogBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLogBuffer(func(time.Time) []string { return []string{"start"} }, time.Now())
		io.WriteString(b, "one\ntw")
		lines, next, more := b.read(0)
		if len(lines) != 2 || lines[1].text != "one" {
			t.Fatalf("lines = %v, want start and one", lines)
		}
		go func() {
			time.Sleep(time.Second)
			io.WriteString(b, "o\n")
			b.close()
		}()
		<-more
		synctest.Wait()
		lines, next, more = b.read(next)
		if len(lines) != 1 || lines[0].text != "two" || more != nil {
			t.Errorf("lines = %v next %d more %v, want two and no more", lines, next, more)
		}
		for range 2 * logLines {
			io.WriteString(b, "x\n")
		}
		if lines, _, _ := b.read(0); len(lines) != logLines+1 {
			t.Errorf("%d lines are kept, want %d", len(lines), logLines+1)
		}
	})
}

// A container that prints without end costs no more than a bounded log.
func TestLogIsBoundedInBytes(t *testing.T) {
	b := newLogBuffer(nil, time.Now())
	for range 40 {
		io.WriteString(b, strings.Repeat("x", 100<<10)) // and never a line's end
	}
	for range logLines {
		io.WriteString(b, strings.Repeat("y", 8<<10)+"\n")
	}
	lines, _, _ := b.read(0)
	size, longest := len(b.partial), 0
	for _, l := range lines {
		size, longest = size+len(l.text), max(longest, len(l.text))
	}
	if size > logBytes+maxLogLine || longest > maxLogLine || len(lines) < logBytes/maxLogLine {
		t.Errorf("%d lines of %d bytes are kept, the longest has %d", len(lines), size, longest)
	}
}
