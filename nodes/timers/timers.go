// Package timers is the timers of simulated things: each thing has one time at
// which it is stepped, and one goroutine steps whatever is due.
package timers

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Item is something that is stepped at a time: a machine, a pod, or the
// fleet's kube-proxies.
type Item interface {
	// Step does what is due at now and returns when to be stepped again; the
	// zero time is not before something wakes it.
	Step(now time.Time) time.Time
	// Timer is the item's own, the same at every call.
	Timer() *Timer
}

// Timer is when an item is stepped; its zero value is never.
type Timer struct {
	at    time.Time
	index int // in the queue, counted from 1; 0 is not in it
	woken bool
	item  Item
}

// TakeWoken says whether the item was woken since the last call.
func (t *Timer) TakeWoken() bool {
	woken := t.woken
	t.woken = false
	return woken
}

// Queue is the items that are to be stepped. All but [Queue.Run] and
// [Queue.StepDue] is called with its lock held, and so is every step.
type Queue struct {
	mu   sync.Locker
	due  timersByTime
	kick chan struct{} // tells the goroutine that something is due
}

// New returns a queue whose items are under a lock.
func New(mu sync.Locker) *Queue { return &Queue{mu: mu, kick: make(chan struct{}, 1)} }

// batch is how many items are stepped before others may have the lock.
const batch = 64

// Run steps items as they come due, until ctx ends.
func (q *Queue) Run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		next, more := q.StepDue(time.Now())
		if more {
			continue
		}
		wait := time.Hour
		if !next.IsZero() {
			wait = time.Until(next)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-q.kick:
		case <-timer.C:
		}
	}
}

// StepDue steps a batch of what is due and says when the next is, or that
// there is more due now.
func (q *Queue) StepDue(now time.Time) (next time.Time, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for range batch {
		if len(q.due) == 0 {
			return time.Time{}, false
		}
		if at := q.due[0].at; at.After(now) {
			return at, false
		}
		it := heap.Pop(&q.due).(*Timer).item
		if at := it.Step(now); !at.IsZero() {
			q.Schedule(it, Tick(Later(at, now.Add(1))))
		}
	}
	return time.Time{}, true
}

// Schedule steps an item at a time at the latest.
func (q *Queue) Schedule(it Item, at time.Time) {
	t := it.Timer()
	switch {
	case t.index == 0:
		t.item, t.at = it, at
		heap.Push(&q.due, t)
	case at.Before(t.at):
		t.at = at
		heap.Fix(&q.due, t.index-1)
	default:
		return
	}
	if q.due[0] == t {
		select {
		case q.kick <- struct{}{}:
		default:
		}
	}
}

// Wake steps an item at once, as something has happened to it.
func (q *Queue) Wake(it Item) {
	it.Timer().woken = true
	q.Schedule(it, time.Now())
}

// Remove takes an item out.
func (q *Queue) Remove(it Item) {
	if t := it.Timer(); t.index != 0 {
		heap.Remove(&q.due, t.index-1)
	}
}

// timersByTime is a heap.
type timersByTime []*Timer

func (w timersByTime) Len() int           { return len(w) }
func (w timersByTime) Less(i, j int) bool { return w[i].at.Before(w[j].at) }
func (w timersByTime) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i+1, j+1
}

// Push and Pop are for package heap.
func (w *timersByTime) Push(x any) {
	t := x.(*Timer)
	*w = append(*w, t)
	t.index = len(*w)
}

// Pop removes the last timer.
func (w *timersByTime) Pop() any {
	old := *w
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*w = old[:len(old)-1]
	t.index = 0
	return t
}

// Tick rounds a time up to the next whole second. All waiting ends on whole
// seconds, so that what happens together costs one jump of the clock.
func Tick(t time.Time) time.Time {
	if r := t.Truncate(time.Second); !r.Equal(t) {
		return r.Add(time.Second)
	}
	return t
}

// Sooner is the earlier of two times of which the zero time is never.
func Sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Later is the later of two times.
func Later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
