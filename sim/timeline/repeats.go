package timeline

import (
	"fmt"
	"sync"
	"time"
)

// Bounds of what a [Repeats] appends.
const (
	// repeatWindow is for how long the same event is counted instead of appended.
	repeatWindow = time.Hour
	// repeatKinds is how many different events of an actor are appended in that time.
	// All others count as one.
	repeatKinds = 100
)

// Repeats appends events that somebody can cause as often as he likes, such as
// refusals, so that the log does not grow with them: the first is appended at once,
// the same again within an hour is counted, and then one event says how often.
type Repeats struct {
	log *Log

	mu   sync.Mutex
	open map[Event]*repeat
}

// repeat is an event that was appended, and how often it has come again.
type repeat struct {
	first Event
	more  int
}

// NewRepeats returns Repeats that append to a log.
func NewRepeats(log *Log) *Repeats { return &Repeats{log: log, open: map[Event]*repeat{}} }

// Append records an event without a time: now.
func (r *Repeats) Append(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[e] == nil && r.kinds(e.Actor) >= repeatKinds {
		e = Event{Actor: e.Actor, Verb: e.Verb, Subject: string(e.Actor), Message: "more than can be told one by one"}
	}
	if x := r.open[e]; x != nil {
		x.more++
		return
	}
	r.open[e] = &repeat{first: r.log.Append(e)}
	time.AfterFunc(repeatWindow, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.close(e)
	})
}

func (r *Repeats) kinds(a Actor) (n int) {
	for e := range r.open {
		if e.Actor == a {
			n++
		}
	}
	return n
}

// close says how often an event has come again, if it has; the caller holds mu.
func (r *Repeats) close(e Event) {
	x := r.open[e]
	if x == nil {
		return
	}
	delete(r.open, e)
	if x.more == 0 {
		return
	}
	e.Cause = x.first.Seq
	e.Message += fmt.Sprintf(" (%d more times since %s)", x.more, x.first.Time.Format(time.RFC3339))
	r.log.Append(e)
}

// Flush says of all events how often they have come again until now. It is for the
// end of a log.
func (r *Repeats) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := range r.open {
		r.close(e)
	}
}
