package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
)

// Times of the watch.
const (
	// stallLimit is how much processor time an engine may take while its virtual clock
	// stands still that should run as fast as the machine goes: more than a start with
	// much data takes. Real time says little on a machine that has others to serve.
	stallLimit = time.Minute
	// stallPatience is the real time after which it has stalled in any case.
	stallPatience = 5 * time.Minute
	stallInterval = 2 * time.Second
	stacksTimeout = 5 * time.Second
)

// stall decides whether a virtual clock has stopped. Its zero value is ready.
type stall struct {
	seen  time.Time     // virtual time when it was last seen to have made a step
	since time.Time     // real time of that
	spent time.Duration // processor time of the engine then
}

// observe takes one reading of the clock, at a real time and after so much processor
// time of the engine, and says whether it has stood still for too long. A reading that
// failed counts as one that shows no progress, and so does less than a step: a clock
// that is stuck is nudged from within. A clock that is paced or paused is not watched.
func (s *stall) observe(k api.Clock, err error, now time.Time, spent time.Duration) bool {
	moved := err == nil && (k.Now.Sub(s.seen) >= clock.Step || k.Rate >= 0 || !k.Virtual)
	if moved || s.since.IsZero() {
		s.seen, s.since, s.spent = k.Now, now, spent
		return false
	}
	return spent-s.spent >= stallLimit || now.Sub(s.since) >= stallPatience
}

// Spent is the processor time of the engine so far; 0 where the system does not tell.
func (p *Process) Spent() time.Duration {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "stat"))
	if err != nil {
		return 0
	}
	// PID (NAME) STATE …, of which the name may have spaces; user and system time are
	// the 14th and 15th, in hundredths of a second.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
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
		if s.observe(k, err, time.Now(), p.Spent()) {
			return p.stalled(ctx, time.Since(s.since))
		}
	}
}

// stalled saves what can be known about an engine whose clock has stopped.
func (p *Process) stalled(ctx context.Context, still time.Duration) error {
	reason := fmt.Sprintf("its virtual clock stood still for %s", still.Round(time.Second))
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
