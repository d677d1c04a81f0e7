package upstream

import (
	"context"
	"runtime/pprof"
	"testing"
)

// TestMarks has a goroutine that is lent marks start another, which keeps them.
func TestMarks(t *testing.T) {
	own := Marked()
	var other Marks
	pprof.Do(t.Context(), pprof.Labels("component", "other"), func(context.Context) { other = Marked() })
	giveBack := other.Lend()
	started := make(chan Marks)
	go func() { started <- Marked() }()
	giveBack()
	if got := <-started; got != other || other == own {
		t.Error("a goroutine that was started has not the marks that were lent")
	}
	if Marked() != own {
		t.Error("the goroutine has not its own marks back")
	}
}
