package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"demarc/sim/state"
)

// engineLock is the file in a data directory that an engine has locked for as long
// as it lives, whatever ends it.
const engineLock = "engine.lock"

// Times for an engine that was killed, all real.
const (
	// releaseTimeout is how long it may take to give back what it holds, and
	// lingerTimeout how long it may be there after that: its ports are free then.
	releaseTimeout = 15 * time.Second
	lingerTimeout  = time.Second
	// crashTimeout is how long one that has crashed may tell of it: of the cause first, and
	// then of all its goroutines, which are thousands.
	crashTimeout = time.Second
)

// Hold takes the data directory for this process, an engine, until it ends or closes
// what Hold returns. It is an [InputError] if another has it.
func Hold(dir string) (io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(dir, engineLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	ok, err := holdLock(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if !ok {
		f.Close()
		return nil, held(dir)
	}
	return f, nil
}

// holder is the process that has the data directory, 0 if there is none. It is not
// known where no engine has ever locked it.
func holder(dir string) (pid int, known bool) {
	f, err := os.OpenFile(filepath.Join(dir, engineLock), os.O_RDWR, 0)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	return lockHolder(f)
}

func held(dir string) error {
	pid, _ := holder(dir)
	return &InputError{Message: fmt.Sprintf("process %d still has the cluster's data in %s", pid, dir), Hint: "wait until it has ended, or end it"}
}

// awaitRelease waits until an engine that was killed or has crashed has let go of the
// data directory and of its ports.
func awaitRelease(ctx context.Context, dir string) error {
	last := 0
	for begin := time.Now(); ; {
		pid, _ := holder(dir)
		if pid == 0 && (last == 0 || !alive(last) || time.Since(begin) > lingerTimeout) {
			return nil
		}
		if pid != 0 {
			last = pid
		}
		if pid != 0 && time.Since(begin) > crashTimeout && state.Crashed(dir) {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill() // it has ended if it fails
			}
		}
		if time.Since(begin) > releaseTimeout {
			return held(dir)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(handlePoll):
		}
	}
}
