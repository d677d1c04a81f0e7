package timeline

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Log is the timeline of one cluster. Its methods may be called from any
// goroutine.
type Log struct {
	mu      sync.Mutex
	events  []Event
	changed chan struct{} // closed and replaced at each append
	file    *os.File      // nil for a log that is only in memory
	err     error         // the first write error
}

// New returns a log that is kept in memory only.
func New() *Log { return &Log{changed: make(chan struct{})} }

// Open reads the log at path, if there is one, and appends to it from then on.
// A last line that a crash cut short is dropped.
func Open(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open timeline: %w", err)
	}
	l := New()
	good, err := l.load(f)
	if err == nil {
		err = f.Truncate(good)
	}
	if err == nil {
		_, err = f.Seek(good, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read timeline %s: %w", path, err)
	}
	l.file = f
	return l, nil
}

// load reads whole lines and returns the offset behind the last of them.
func (l *Log) load(r io.Reader) (good int64, err error) {
	br := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return good, nil
		}
		if err != nil {
			return 0, err
		}
		var e Event
		if err := json.Unmarshal(line, &e); err != nil {
			return 0, fmt.Errorf("line %d: %w", n, err)
		}
		good += int64(len(line))
		l.events = append(l.events, e)
	}
}

// Append records an event. It sets Seq, and Time unless the caller did, and
// returns the event as recorded.
func (l *Log) Append(e Event) Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC()
	e.Seq = int64(len(l.events)) + 1
	l.events = append(l.events, e)
	if l.file != nil && l.err == nil {
		b, err := json.Marshal(e)
		if err == nil {
			_, err = l.file.Write(append(b, '\n'))
		}
		l.err = err
	}
	close(l.changed)
	l.changed = make(chan struct{})
	return e
}

// Since returns the events after sequence number seq, oldest first, and a
// channel that is closed when there are more. The slice must not be changed.
func (l *Log) Since(seq int64) ([]Event, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seq = min(max(seq, 0), int64(len(l.events)))
	return l.events[seq:len(l.events):len(l.events)], l.changed
}

// Get returns the event with a sequence number; ok is false if there is none.
func (l *Log) Get(seq int64) (e Event, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq < 1 || seq > int64(len(l.events)) {
		return Event{}, false
	}
	return l.events[seq-1], true
}

// Last returns the newest event; its Seq is 0 if there is none.
func (l *Log) Last() Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 {
		return Event{}
	}
	return l.events[len(l.events)-1]
}

// Close closes the file and returns the first error that writing met. The log
// in memory stays readable.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return l.err
	}
	err := errors.Join(l.err, l.file.Close())
	l.file = nil
	return err
}
