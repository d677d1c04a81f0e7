package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"syscall"

	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/fault"
)

// Exit codes.
const (
	exitHeld        = 0
	exitNotHeld     = 1 // an expectation failed
	exitInput       = 2 // what was asked for cannot be done as it was asked
	exitEngine      = 3 // the engine failed
	exitInterrupted = 130
	exitClosedPipe  = 141 // nobody reads the output any more
)

// exitStatus is an exit code that has been explained already.
type exitStatus int

func (e exitStatus) Error() string { return "exit status " + strconv.Itoa(int(e)) }

// exitCode is the code for an error. An error from before the command ran is a
// mistake in its arguments.
func (a *app) exitCode(err error) int {
	var (
		status  exitStatus
		input   *engine.InputError
		words   *fault.Error
		refused *api.Error
	)
	switch {
	case err == nil:
		return exitHeld
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, errClosedPipe), errors.Is(err, syscall.EPIPE):
		return exitClosedPipe
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case !a.ran, errors.As(err, &input), errors.As(err, &words):
		return exitInput
	case errors.As(err, &refused) && refused.Status < 500:
		return exitInput
	}
	return exitEngine
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
	return slices.Contains([]error{errInterrupted, errClosedPipe, context.Canceled, syscall.EPIPE}, err)
}

// badInput makes an error of the user's input.
func badInput(err error) error { return &engine.InputError{Message: err.Error()} }
