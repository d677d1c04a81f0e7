package kubelet

import (
	"bytes"
	"slices"
	"sync"
	"time"
)

// What is kept of a container's output. A kubelet keeps files of 10 MiB; here it is memory
// of ours, of all containers.
const (
	logLines = 2000
	logBytes = 1 << 20
	// maxLogLine is where a line that has no end is cut, as containerd does.
	maxLogLine = 16 << 10
)

// logLine is one line that a container wrote.
type logLine struct {
	at   time.Time
	text string
	open bool // it has no end: it was cut, or is the last
}

// String is the line with its end.
func (l logLine) String() string {
	if l.open {
		return l.text
	}
	return l.text + "\n"
}

// logBuffer is what a container wrote. Lines that a program writes when it
// starts are made when somebody reads them: most logs are never read.
type logBuffer struct {
	startUp func(t time.Time) []string
	started time.Time

	mu      sync.Mutex
	lines   []logLine
	size    int // of the lines, in bytes
	dropped int // lines that are no longer kept
	partial []byte
	closed  bool
	changed chan struct{} // closed at the next change; nil if nobody waits
}

func newLogBuffer(startUp func(time.Time) []string, started time.Time) *logBuffer {
	return &logBuffer{startUp: startUp, started: started}
}

// Write takes a program's output. It never fails.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.partial = append(b.partial, p...)
	for {
		line, rest, ok := bytes.Cut(b.partial, []byte("\n"))
		long := len(line) > maxLogLine
		if long {
			line, rest, ok = b.partial[:maxLogLine], b.partial[maxLogLine:], true
		}
		if !ok {
			break
		}
		b.add(string(line), long)
		b.partial = rest
	}
	b.partial = slices.Clone(b.partial) // and not what was in front of it
	return len(p), nil
}

func (b *logBuffer) add(text string, open bool) {
	b.lines = append(b.lines, logLine{time.Now(), text, open})
	b.size += len(text)
	for len(b.lines) > logLines || b.size > logBytes {
		b.size -= len(b.lines[0].text)
		b.lines[0] = logLine{}
		b.lines = b.lines[1:] // append makes room by copies, now and then
		b.dropped++
	}
	b.notify()
}

// close ends the log: its container has ended.
func (b *logBuffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.partial) > 0 {
		b.add(string(b.partial), true)
		b.partial = nil
	}
	b.closed = true
	b.notify()
}

func (b *logBuffer) notify() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// read returns the lines from the n-th on, the number behind the last, and a
// channel that is closed when there are more; it is nil if there never are.
func (b *logBuffer) read(n int) (lines []logLine, next int, more <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var head []logLine
	if b.startUp != nil {
		for _, text := range b.startUp(b.started) {
			head = append(head, logLine{at: b.started, text: text})
		}
	}
	all := len(head) + b.dropped + len(b.lines)
	if n < len(head) {
		lines = append(lines, head[n:]...)
	}
	lines = append(lines, b.lines[min(max(n-len(head)-b.dropped, 0), len(b.lines)):]...)
	if b.closed {
		return lines, all, nil
	}
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return lines, all, b.changed
}
