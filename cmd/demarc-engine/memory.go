package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"demarc/sim/clock"
)

// How much memory a small or idle cluster takes before the garbage collector works.
// The runtime would otherwise collect every two minutes, of virtual time.
const (
	// startLimit is for the start, which leaves much behind that it needs once.
	startLimit = 300 << 20
	// freeLimit is for free run, where virtual time is to be fast.
	freeLimit = 520 << 20
)

// heapMargin is what may be allocated before the next collection, in percent of
// what the last one found in use. Beyond plainMargin that is in percent of what has
// pointers: the rest, such as the data that customers store, costs a collection
// nothing. heldMargin is for a clock that is held to a rate: an idle cluster then
// allocates little in a second of real time, and memory is what its user sees of it.
const (
	heapMargin  = 70
	heldMargin  = 40
	plainMargin = 320 << 20
)

const (
	// idlePeriod is how much virtual time between two collections says that little is
	// computed. It is less than the runtime's two minutes.
	idlePeriod = time.Minute
	// restPeriod says the same in real time, of an engine whose clock is held.
	restPeriod = 2 * time.Second
	// patrolPeriod is how often, in real time, one looks whether that is so.
	patrolPeriod = 30 * time.Second
)

// collector decides when the garbage collector works: by size alone. It looks after
// every collection: while much is computed, no virtual time passes in which a timer
// could.
type collector struct {
	dial *clock.Dial

	mu      sync.Mutex
	started bool          // the cluster is there
	resting bool          // the next collection is one that was wanted for the sake of memory
	busy    bool          // collections go by a percentage
	last    time.Time     // of a collection
	real    time.Duration // the same, in real time
}

func tuneMemory(dial *clock.Dial) *collector {
	c := &collector{dial: dial, last: time.Now(), real: clock.RealNow()}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(startLimit)
	hugePages(startLimit)
	afterCollection(c.collected)
	return c
}

// settle says that the start is over. From then on memory is given back whenever the
// clock is held to a rate and little is computed.
func (c *collector) settle() {
	c.mu.Lock()
	c.started = true
	c.mu.Unlock()
	c.rest(0)
	clock.EveryReal(patrolPeriod, func() { c.rest(restPeriod) })
}

// rest has the memory given back that nobody needs, if the clock is held to a rate and
// nothing was collected for a time.
func (c *collector) rest(since time.Duration) {
	held := c.held()
	c.mu.Lock()
	defer c.mu.Unlock()
	m := memoryInUse()
	if limit := m.limit(0, heldMargin); held && !c.busy && clock.RealNow()-c.real >= since && limit < debug.SetMemoryLimit(-1) {
		c.resting = true
		forgetProgram()
		debug.SetMemoryLimit(limit)
	}
}

func (c *collector) held() bool { return c.dial.Clock().Rate >= 0 }

// collected is called after each collection.
func (c *collector) collected() {
	held := c.held()
	c.mu.Lock()
	defer c.mu.Unlock()
	now, real, m := time.Now(), clock.RealNow(), memoryInUse()
	least, margin := int64(freeLimit), int64(heapMargin)
	switch {
	case !c.started:
		least = startLimit
	case held && (c.resting || real-c.real >= restPeriod):
		least, margin = 0, heldMargin
	}
	was := c.busy
	c.busy = !c.resting && m.busy(now.Sub(c.last), least)
	if c.busy || was {
		m.tune(c.busy, least, margin)
	} else {
		debug.SetMemoryLimit(m.limit(least, margin))
	}
	c.last, c.real, c.resting = now, real, false
}

// memory is what a collection found, in bytes.
type memory struct {
	live  int64 // in use on the heap
	scan  int64 // of that, what has pointers
	other int64 // what the runtime needs beside the heap's objects
}

// margin is what may be allocated before the next collection, by a percentage.
func (m memory) margin(percent int64) int64 {
	return max(min(m.live*percent/100, plainMargin), m.scan*percent/100)
}

// limit is the memory limit that lets the heap grow by a margin, or to a least limit.
func (m memory) limit(least, percent int64) int64 {
	return max(least, m.live+m.margin(percent)+m.other)
}

// busy says whether collections go by a percentage of the heap. That is exact,
// where a limit is for all memory: with a large heap, most of what it leaves may be
// gaps between objects. But with a percentage the runtime also collects when two
// minutes have passed.
func (m memory) busy(since time.Duration, least int64) bool {
	return since < idlePeriod && m.limit(0, heapMargin) > least
}

// tune sets how the next collections come about.
func (m memory) tune(busy bool, least, percent int64) {
	if busy {
		debug.SetMemoryLimit(math.MaxInt64)
		debug.SetGCPercent(int(m.margin(percent) * 100 / m.live))
		return
	}
	debug.SetMemoryLimit(m.limit(least, percent))
	debug.SetGCPercent(-1)
}

// afterCollection calls f after every collection, from the runtime's own
// goroutine: an object that nobody holds is found in each.
func afterCollection(f func()) {
	type sentinel struct{ _ *byte }
	runtime.SetFinalizer(&sentinel{}, func(*sentinel) {
		f()
		afterCollection(f)
	})
}

// memoryInUse is what the last collection found. Pages that are free or given back
// to the system can be had at once.
func memoryInUse() memory {
	sample := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/scan/heap:bytes"},
	}
	metrics.Read(sample)
	bytes := func(i int) int64 { return int64(sample[i].Value.Uint64()) }
	return memory{live: bytes(0), scan: bytes(5), other: bytes(1) - bytes(2) - bytes(3) - bytes(4)}
}
