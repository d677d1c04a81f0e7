package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"demarc/nodes/kubelet"
	"demarc/nodes/shell/guard"
	"demarc/sim/state"
)

// maxFaults is how many faults of ours in customers' programs are reported, with their
// stacks: a script can have one in each of its turns.
const maxFaults = 100

// starts opens the record of what begins to run. The engine before has ended by a fault if
// the runtime has written about it: nothing else does that to this file, which tells of the
// last engine only.
func (c *Cluster) starts() (_ *kubelet.Starts, err error) {
	f, err := os.OpenFile(state.CrashLog(c.dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }() // the runtime has its own
	s, err := kubelet.OpenStarts(filepath.Join(c.dir, "starts"), state.Crashed(c.dir))
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	return s, debug.SetCrashOutput(f, debug.CrashOptions{})
}

// reportFaults has faults in customers' programs written to the engine's log.
func reportFaults() {
	left := maxFaults
	guard.SetReport(func(text string) {
		if left--; left >= 0 {
			fmt.Fprintln(os.Stderr, "demarc-engine: a program of a customer's failed:", text)
		}
	})
}
