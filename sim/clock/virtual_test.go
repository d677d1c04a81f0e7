//go:build faketime && linux

package clock

import (
	"runtime"
	"testing"
	"time"
)

// What asks again without a pause stops a virtual clock that nobody nudges, and
// this test with it.
func TestClockMovesUnderABusyWait(t *testing.T) {
	begin := time.Now().Add(time.Hour).Truncate(time.Hour)
	Start(begin)
	var asked [][]byte
	for time.Now().Equal(begin) {
		asked = append(asked[:len(asked)%100], make([]byte, 1024)) // as a client's request
		runtime.Gosched()
	}
	if moved := time.Since(begin); moved > nudge {
		t.Errorf("after a busy wait: the clock moved by %v, want %v", moved, nudge)
	}
	time.Sleep(time.Minute)
	if now := time.Now(); now.Sub(begin) < time.Minute || now.Sub(begin) > time.Minute+Step {
		t.Errorf("a minute later it is %v, want within a step of %v", now, begin.Add(time.Minute))
	}
}
