package nodes

import (
	"container/heap"
	"context"
	"time"
)

// item is something that wants to be stepped at a time: a machine, a pod, or
// the fleet's kube-proxies.
type item interface {
	// step does what is due at now and returns when to be stepped again; the
	// zero time is not before something wakes it.
	step(now time.Time) time.Time
	spoke() *spoke
}

// spoke is an item's place in a wheel; its zero value is in none.
type spoke struct {
	at    time.Time
	index int // in the heap, counted from 1; 0 is not in it
	woken bool
	item  item
}

// wheel holds items by the time at which they are due.
type wheel []*spoke

func (w wheel) Len() int           { return len(w) }
func (w wheel) Less(i, j int) bool { return w[i].at.Before(w[j].at) }
func (w wheel) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i+1, j+1
}

// Push and Pop are for package heap.
func (w *wheel) Push(x any) {
	s := x.(*spoke)
	*w = append(*w, s)
	s.index = len(*w)
}

// Pop removes the last spoke.
func (w *wheel) Pop() any {
	old := *w
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*w = old[:len(old)-1]
	s.index = 0
	return s
}

// set puts an item at a time, replacing where it was.
func (w *wheel) set(it item, at time.Time) {
	s := it.spoke()
	s.item, s.at = it, at
	if s.index == 0 {
		heap.Push(w, s)
		return
	}
	heap.Fix(w, s.index-1)
}

// remove takes an item out.
func (w *wheel) remove(it item) {
	if s := it.spoke(); s.index != 0 {
		heap.Remove(w, s.index-1)
	}
}

// due takes out the item that is due at now, if there is one.
func (w *wheel) due(now time.Time) (item, bool) {
	if len(*w) == 0 || (*w)[0].at.After(now) {
		return nil, false
	}
	return heap.Pop(w).(*spoke).item, true
}

// tick rounds a time up to the next whole second. All waiting ends on whole
// seconds, so that what happens together costs one jump of the clock.
func tick(t time.Time) time.Time {
	if r := t.Truncate(time.Second); !r.Equal(t) {
		return r.Add(time.Second)
	}
	return t
}

// sooner is the earlier of two times of which the zero time is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// batch is how many items are stepped before others may have the lock.
const batch = 64

// turn steps items as they come due, until ctx ends.
func (f *Fleet) turn(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		next, more := f.stepDue(time.Now())
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
		case <-f.kick:
		case <-timer.C:
		}
	}
}

// stepDue steps a batch of what is due and says when the next is, or that
// there is more due now.
func (f *Fleet) stepDue(now time.Time) (next time.Time, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range batch {
		it, ok := f.wheel.due(now)
		if !ok {
			if len(f.wheel) > 0 {
				next = f.wheel[0].at
			}
			return next, false
		}
		if at := it.step(now); !at.IsZero() {
			f.schedule(it, tick(later(at, now.Add(1))))
		}
	}
	return time.Time{}, true
}

// schedule steps an item at a time at the latest. The lock is held.
func (f *Fleet) schedule(it item, at time.Time) {
	if s := it.spoke(); s.index != 0 && !at.Before(s.at) {
		return
	}
	f.wheel.set(it, at)
	if f.wheel[0] == it.spoke() {
		select {
		case f.kick <- struct{}{}:
		default:
		}
	}
}

// wake steps an item at once, as something has happened to it. The lock is held.
func (f *Fleet) wake(it item) {
	it.spoke().woken = true
	f.schedule(it, time.Now())
}
