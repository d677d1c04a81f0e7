package main

import (
	"io"
	"os"
	"runtime"
)

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
