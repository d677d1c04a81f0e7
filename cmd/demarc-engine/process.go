package main

import (
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapLimit is how large the heap grows before the garbage collector works. The
// runtime would otherwise collect every two minutes, of virtual time.
const heapLimit = 520 << 20

// heapMargin is the room above what is in use after a collection.
const heapMargin = 1.6

// tuneMemory makes the garbage collector go by size alone, and raises the size
// with what a large cluster really uses.
func tuneMemory() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heapLimit)
	go func() {
		for {
			time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
			debug.SetMemoryLimit(max(heapLimit, int64(float64(heapInUse())*heapMargin)))
		}
	}()
}

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

// heapInUse is what the last collection found in use, in bytes.
func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
