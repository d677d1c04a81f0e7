package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
)

// Times of the watch, all real.
const (
	// stallLimit is how long the virtual clock may stand still while it should
	// run as fast as the machine goes.
	stallLimit    = 20 * time.Second
	stallInterval = 2 * time.Second
	stacksTimeout = 5 * time.Second
)

// stall decides whether a virtual clock has stopped. Its zero value is ready.
type stall struct {
	seen  time.Time // virtual time when it was last seen to have made a step
	since time.Time // real time of that
}

// observe takes one reading of the clock at a real time and says whether it has
// stood still for too long. A reading that failed counts as one that shows no
// progress, and so does less than a step: a clock that is stuck is nudged from within.
// A clock that is paced or paused is not watched.
func (s *stall) observe(k api.Clock, err error, now time.Time) bool {
	moved := err == nil && (k.Now.Sub(s.seen) >= clock.Step || k.Rate >= 0 || !k.Virtual)
	if moved || s.since.IsZero() {
		s.seen, s.since = k.Now, now
		return false
	}
	return now.Sub(s.since) >= stallLimit
}

// Watch watches the virtual clock until ctx is over or the engine has ended, and
// returns nil then. If the clock stands still in free run, it saves the stacks
// of all goroutines beside the logs and returns a [FailedError] that names the
// file.
func (p *Process) Watch(ctx context.Context) error {
	var s stall
	tick := time.NewTicker(stallInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.done:
			return nil
		case <-tick.C:
		}
		ask, cancel := context.WithTimeout(ctx, stacksTimeout)
		k, err := p.Client.Clock(ask)
		cancel()
		if ctx.Err() != nil || errors.Is(err, api.ErrUnreachable) && !alive(p.cmd.Process.Pid) {
			return nil
		}
		if s.observe(k, err, time.Now()) {
			return p.stalled(ctx)
		}
	}
}

// stalled saves what can be known about an engine whose clock has stopped.
func (p *Process) stalled(ctx context.Context) error {
	reason := fmt.Sprintf("its virtual clock stood still for %s", stallLimit)
	ctx, cancel := context.WithTimeout(ctx, stacksTimeout)
	defer cancel()
	stacks, err := p.Client.Stacks(ctx)
	if err != nil {
		if dumpToLog(p.cmd.Process) == nil {
			reason += "; the stacks of its goroutines are in the log"
		}
		return &FailedError{Reason: reason, Log: p.Log()}
	}
	path := filepath.Join(filepath.Dir(p.Log()), "goroutines.txt")
	if err := os.WriteFile(path, stacks, 0o600); err != nil {
		return &FailedError{Reason: fmt.Sprintf("%s, and the stacks of its goroutines could not be saved: %v", reason, err), Log: p.Log()}
	}
	return &FailedError{Reason: reason + "; the stacks of its goroutines are in " + path, Log: p.Log()}
}
