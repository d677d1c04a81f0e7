//go:build faketime

package cluster

import (
	"errors"
	"sync"
	"testing"
	"time"
)

func TestSavesAreShared(t *testing.T) {
	var s saves
	var done sync.WaitGroup
	state, saved, count := 0, 0, 0
	gate := make(chan struct{})
	save := func() error {
		count++
		saved = state
		<-gate
		return errors.New("full")
	}
	call := func() {
		done.Go(func() {
			if err := s.do(save); err == nil {
				t.Error("the error of a shared save is lost")
			}
		})
	}
	call()
	time.Sleep(time.Second) // it is over when all wait: the first runs, and has seen state 0
	state = 1
	for range 9 {
		call()
	}
	time.Sleep(time.Second)
	close(gate)
	done.Wait()
	if count != 2 || saved != 1 {
		t.Errorf("%d saves, the last of state %d, for ten calls of which nine came while the first ran", count, saved)
	}
}
