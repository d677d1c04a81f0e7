package clock

import (
	"maps"
	"sync"
	"time"
)

const (
	// holdLimit is for how long, in real time, the clock waits for one answer. What
	// takes longer hangs, perhaps by a fault that ends only when the clock goes on; or
	// it is no question, but a conversation.
	holdLimit = 5 * time.Second
	// attention is for how long, in real time, somebody who had an answer is thought to
	// look at what comes of it.
	attention = 2 * time.Second
)

// Hold says that somebody outside, in real time, waits for an answer. Until release is
// called, a clock in free run goes no faster than real time, so that no bound in
// virtual time is over before the answer can be there. It does not stop, since the
// answer may depend on timers. After five seconds of real time a hold no longer counts.
func Hold() (release func()) {
	if !Virtual {
		return func() {}
	}
	return outside.hold()
}

// outside are those who hold the process's clock.
var outside holds

// holds are those who wait for an answer. The zero value is ready.
type holds struct {
	mu     sync.Mutex
	open   map[*hold]struct{}
	ended  time.Duration // when the last one was released
	notify func()        // is told when the first one begins and the last one ends, if not nil
}

// hold is one of them.
type hold struct {
	since time.Duration // in real time
}

func (h *holds) hold() (release func()) {
	x := &hold{RealNow()}
	h.change(func() {
		if h.open == nil {
			h.open = map[*hold]struct{}{}
		}
		h.open[x] = struct{}{}
	})
	return sync.OnceFunc(func() {
		h.change(func() {
			delete(h.open, x)
			h.ended = RealNow()
		})
	})
}

func (h *holds) change(how func()) {
	h.mu.Lock()
	before := h.live(RealNow())
	how()
	tell := h.notify
	if before == (len(h.open) > 0) {
		tell = nil
	}
	h.mu.Unlock()
	if tell != nil {
		tell()
	}
}

// live forgets those that count no longer, and says whether there are others. The
// lock is held.
func (h *holds) live(now time.Duration) bool {
	maps.DeleteFunc(h.open, func(x *hold, _ struct{}) bool { return now-x.since >= holdLimit })
	return len(h.open) > 0
}

// tell has f called when the first hold begins and when the last one ends.
func (h *holds) tell(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notify = f
}

// waits says whether the clock is held.
func (h *holds) waits(now time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.live(now)
}

// watched says whether somebody waits, or looks at what came of it.
func (h *holds) watched(now time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.live(now) || h.ended != 0 && now-h.ended < attention
}
