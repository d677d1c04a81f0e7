//go:build faketime && linux

package clock

import (
	"debug/elf"
	"os"
	"sync/atomic"
	"time"
	"unsafe"
)

// runtimeEpoch is where the runtime's clock starts in a faketime build
// (Go 1.26, src/runtime/time_fake.go).
const runtimeEpoch int64 = 1257894000000000000

// runtimeClock is the runtime's own clock, in nanoseconds since 1970; nil if it
// was not found. See [advance].
var runtimeClock = findRuntimeClock()

// findRuntimeClock looks for the runtime's clock in the program's data: the one
// word that has its first time. Nothing has slept yet while packages are
// initialised, so it still has it.
func findRuntimeClock() *int64 {
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	f, err := elf.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data := f.Section(".noptrdata")
	// Only a program that is loaded where its file says: Go's default.
	if data == nil || f.Type != elf.ET_EXEC || time.Now().UnixNano() != runtimeEpoch {
		return nil
	}
	base := *(*unsafe.Pointer)(unsafe.Pointer(&data.Addr))
	var found *int64
	for i, words := 0, unsafe.Slice((*int64)(base), data.Size/8); i < len(words); i++ {
		if words[i] != runtimeEpoch {
			continue
		}
		if found != nil {
			return nil // two of them: cannot tell which
		}
		found = &words[i]
	}
	return found
}

// advance waits until nothing else runs, and then moves the clock on by what
// step says of the time at that moment. All timers until then fire there, in
// their order. It returns false, and does nothing, where the clock cannot be
// moved but by the runtime itself.
//
// The runtime moves it from one timer to the next, and looks at every goroutine
// each time: with a control plane's twenty timers in a second that is half of
// all its work.
func advance(step func(now time.Time) time.Duration) bool {
	if runtimeClock == nil {
		return false
	}
	idle := time.Now().Add(time.Nanosecond)
	time.Sleep(time.Nanosecond) // the runtime moves the clock when everything else is idle
	now := time.Now()
	if !now.Equal(idle) {
		return true // it was nudged, not idle
	}
	if d := step(now); d > 0 {
		atomic.AddInt64(runtimeClock, int64(d))
	}
	return true
}
