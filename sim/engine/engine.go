// Package engine is the engine as another process sees it: how to find or build
// the program, start it, talk to it and stop it.
//
// [Build] returns the path of an up-to-date demarc-engine. [Start] runs it for a
// data directory, [Attach] finds the one that runs there already, and
// [RunScenario] does everything that one scenario needs. [DataDir] and its
// neighbours say where clusters are kept.
//
// An engine is one process per cluster, in a session of its own, so that a
// terminal's Ctrl-C reaches only the command line. It writes DIR/engine.json
// when its management API answers; everything else is said over that API
// (package sim/api). An attached engine ends with its parent, because its
// standard input closes; a detached one goes on. The engine's clock is virtual,
// this package's is not: it watches the engine from outside, in real time.
package engine

import (
	"errors"
	"fmt"
	"strings"
)

// InputError says that what was asked for cannot be done as it was asked.
type InputError struct {
	Message string
	// Hint says what to do about it, if there is something.
	Hint string
}

func (e *InputError) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + ": " + e.Hint
}

// FailedError says that an engine failed, and where to read more.
type FailedError struct {
	// Reason is what the engine said last, or what is wrong with it.
	Reason string
	// Log is the path of its log; empty if there is none.
	Log string
}

func (e *FailedError) Error() string {
	text := "the engine failed: " + strings.TrimSpace(e.Reason)
	if e.Log != "" {
		text += fmt.Sprintf("\n(its log is %s)", e.Log)
	}
	return text
}

// ErrNotRunning is what [Attach] returns when no engine runs for the directory.
var ErrNotRunning = errors.New("the cluster is not running")

// ErrRunning is what [Start] returns when an engine runs for the directory.
var ErrRunning = errors.New("the cluster is running already")
