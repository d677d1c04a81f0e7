package command

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"syscall"

	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/fault"
)

// Exit codes.
const (
	Held        = 0
	NotHeld     = 1 // an expectation failed
	BadRequest  = 2 // what was asked for cannot be done as it was asked
	BadEngine   = 3 // the engine failed
	Interrupted = 130
	ClosedPipe  = 141 // nobody reads the output any more
)

// Causes of a context that a signal has ended.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrClosedPipe  = errors.New("nobody reads the output")
)

// Exit is an exit code that has been explained already.
type Exit int

func (e Exit) Error() string { return "exit status " + strconv.Itoa(int(e)) }

// ExitCode is the code for an error of a command.
func ExitCode(err error) int {
	var (
		status Exit
		input  *engine.InputError
		words  *fault.Error
	)
	switch {
	case err == nil:
		return Held
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, ErrClosedPipe), errors.Is(err, syscall.EPIPE):
		return ClosedPipe
	case errors.Is(err, ErrInterrupted), errors.Is(err, context.Canceled):
		return Interrupted
	case errors.As(err, &input), errors.As(err, &words), IsRefusal(err):
		return BadRequest
	}
	return BadEngine
}

// IsRefusal says whether the engine answered that something cannot be done as it was
// asked.
func IsRefusal(err error) bool {
	var e *api.Error
	return errors.As(err, &e) && e.Status < 500
}

// wasEnded says whether an error says nothing but that somebody has ended the
// command, which that somebody knows.
func wasEnded(err error) bool {
	switch e := err.(type) {
	case nil:
		return false
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !wasEnded(err) })
	case interface{ Unwrap() error }:
		return wasEnded(e.Unwrap())
	}
	return slices.Contains([]error{ErrInterrupted, ErrClosedPipe, context.Canceled, syscall.EPIPE}, err)
}

// Passed passes on how a program has ended that was run for the user: its exit code.
func Passed(err error) error {
	ended := (*exec.ExitError)(nil)
	if !errors.As(err, &ended) {
		return err
	}
	if code := ended.ExitCode(); code >= 0 {
		return Exit(code)
	}
	return Exit(Interrupted)
}

// BadInput makes an error of the user's input.
func BadInput(err error) error { return &engine.InputError{Message: err.Error()} }
