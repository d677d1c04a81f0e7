package timeline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/disk"
)

// Log is the timeline of one cluster. Its methods may be called from any
// goroutine.
type Log struct {
	mu      sync.Mutex
	events  []Event
	next    int64          // the next event's number
	changed chan struct{}  // closed and replaced at each append
	file    *disk.Appender // nil for a log that is only in memory
	written int            // how many events the file has, or memory if there is none
}

// New returns a log that is kept in memory only.
func New() *Log { return &Log{next: 1, changed: make(chan struct{})} }

// Append records an event. It sets Seq, and Time unless the caller did, and
// returns the event as recorded. If it cannot be written to disk now, it is
// written later: see [Log.Flush].
func (l *Log) Append(e Event) Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC()
	e.Subject, e.Message = clip(e.Subject, maxSubject), clip(e.Message, maxMessage)
	e.Seq = l.next
	l.next++
	l.events = append(l.events, e)
	_ = l.flush() // Flush says so
	l.tell()
	return e
}

// Bounds of an event, in bytes: customers may have words in both, such as the name under
// which one acts.
const (
	maxSubject = 1 << 10
	maxMessage = 4 << 10
)

// clip cuts a text that is too long.
func clip(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return strings.ToValidUTF8(text[:size], "") + "…"
}

// tell wakes those who wait for events.
func (l *Log) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Flush writes what could not be written before, and says what is wrong if that
// is still so.
func (l *Log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.written
	err := l.flush()
	if l.written > before {
		l.tell()
	}
	return err
}

func (l *Log) flush() error {
	if l.file == nil {
		l.written = len(l.events)
		return nil
	}
	for ; l.written < len(l.events); l.written++ {
		line, err := encode(l.events[l.written])
		if err != nil {
			return err
		}
		if err := l.file.Append(line); err != nil {
			return fmt.Errorf("write the timeline: %w", err)
		}
	}
	return nil
}

// Sync makes what was written survive a crash of the machine.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.Sync()
}

// after is the index of the first event with a greater number.
func (l *Log) after(seq int64) int {
	i, found := slices.BinarySearchFunc(l.events, seq, func(e Event, seq int64) int { return cmp.Compare(e.Seq, seq) })
	if found {
		i++
	}
	return i
}

// Since returns the events after sequence number seq, oldest first, and a
// channel that is closed when there are more. The slice must not be changed.
func (l *Log) Since(seq int64) ([]Event, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[l.after(seq):len(l.events):len(l.events)], l.changed
}

// Kept is [Log.Since] without the events that are not in the file yet. Who is
// outside sees these alone: after a kill the numbers of others are given out again.
func (l *Log) Kept(seq int64) ([]Event, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[min(l.after(seq), l.written):l.written:l.written], l.changed
}

// Get returns the event with a sequence number; ok is false if there is none.
func (l *Log) Get(seq int64) (e Event, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.after(seq) - 1; i >= 0 && l.events[i].Seq == seq {
		return l.events[i], true
	}
	return Event{}, false
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

// Close writes what is not written yet and closes the file. The log in memory
// stays readable.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := errors.Join(l.flush(), l.file.Close())
	l.file = nil
	return err
}

// encode is an event as a line of the file.
func encode(e Event) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return seal(text), nil
}
