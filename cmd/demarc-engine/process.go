package main

import (
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapLimit is how much memory a small or idle cluster takes before the garbage
// collector works. The runtime would otherwise collect every two minutes, of
// virtual time.
const heapLimit = 520 << 20

// heapMargin is what may be allocated before the next collection, in percent of
// what the last one found in use. Beyond plainMargin that is in percent of what has
// pointers: the rest, such as the data that customers store, costs a collection
// nothing.
const (
	heapMargin  = 70
	plainMargin = 320 << 20
)

// idlePeriod is how much virtual time between two collections says that little is
// computed. It is less than the runtime's two minutes.
const idlePeriod = time.Minute

// tuneMemory makes the garbage collector go by size alone. It looks after every
// collection: while much is computed, no virtual time passes in which a timer
// could.
func tuneMemory() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heapLimit)
	last, busy := time.Now(), false
	afterCollection(func() {
		now, m := time.Now(), memoryInUse()
		if want := m.busy(now.Sub(last)); want || busy {
			busy = want
			m.tune(busy)
		} else {
			debug.SetMemoryLimit(m.limit())
		}
		last = now
	})
}

// memory is what a collection found, in bytes.
type memory struct {
	live  int64 // in use on the heap
	scan  int64 // of that, what has pointers
	other int64 // what the runtime needs beside the heap's objects
}

// margin is what may be allocated before the next collection.
func (m memory) margin() int64 {
	return max(min(m.live*heapMargin/100, plainMargin), m.scan*heapMargin/100)
}

// goal is how large the heap may grow before the next collection.
func (m memory) goal() int64 { return m.live + m.margin() }

// limit is the memory limit that lets the heap grow to its goal.
func (m memory) limit() int64 { return max(heapLimit, m.goal()+m.other) }

// busy says whether collections go by a percentage of the heap. That is exact,
// where a limit is for all memory: with a large heap, most of what it leaves may be
// gaps between objects. But with a percentage the runtime also collects when two
// minutes have passed.
func (m memory) busy(since time.Duration) bool {
	return since < idlePeriod && m.goal()+m.other > heapLimit
}

// tune sets how the next collections come about.
func (m memory) tune(busy bool) {
	if busy {
		debug.SetMemoryLimit(math.MaxInt64)
		debug.SetGCPercent(int(m.margin() * 100 / m.live))
		return
	}
	debug.SetMemoryLimit(m.limit())
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

// maxThreads is how many goroutines may run at once. With more, the garbage
// collector can wait for ever: it asks the others to stop, and asks again after
// 100 us if that was lost on the way, but no time passes while it waits
// (runtime.forEachP). With two, whoever runs beside it stops by itself.
const maxThreads = 2

func tuneThreads() { runtime.GOMAXPROCS(min(maxThreads, runtime.NumCPU())) }

// inputClosed is closed when standard input is: when the parent has gone.
func inputClosed() <-chan struct{} {
	gone := make(chan struct{})
	in, err := pollable(os.Stdin)
	if err != nil {
		close(gone)
		return gone
	}
	go func() {
		_, _ = io.Copy(io.Discard, in) // whatever ends it, the parent has gone
		close(gone)
	}()
	return gone
}
