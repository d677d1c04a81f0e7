package main

import (
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapLimit is how large the heap grows before the garbage collector works. The
// runtime would otherwise collect every two minutes, of virtual time.
const heapLimit = 520 << 20

// heapMargin is the room above what is in use after a collection.
const heapMargin = 1.6

// tuneMemory makes the garbage collector go by size alone, and raises the size
// with what a large cluster really uses. It looks after every collection: while
// much is computed, no virtual time passes in which a timer could.
func tuneMemory() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heapLimit)
	afterCollection(func() {
		heap, other := memoryInUse()
		debug.SetMemoryLimit(max(heapLimit, int64(float64(heap)*heapMargin)+int64(other)))
	})
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

// memoryInUse is what the last collection found in use on the heap, and what the
// runtime needs beside the heap, in bytes.
func memoryInUse() (heap, other uint64) {
	sample := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/memory/classes/metadata/mspan/inuse:bytes"},
		{Name: "/memory/classes/metadata/other:bytes"},
	}
	metrics.Read(sample)
	for _, s := range sample[1:] {
		other += s.Value.Uint64()
	}
	return sample[0].Value.Uint64(), other
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
