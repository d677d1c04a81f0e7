// Demarc runs managed Kubernetes clusters in virtual time on this machine:
// live, to work with and to break, and as scenarios that replay hours in
// seconds.
//
// Usage:
//
//	demarc up
//	demarc drill control-plane-lost
//	demarc --help
//
// The clusters themselves run in engine processes (cmd/demarc-engine), which
// this command builds, starts and talks to.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"demarc/cmd/demarc/command"
)

func main() { os.Exit(run()) }

func run() (code int) {
	env := command.New(os.Stdin, os.Stdout, os.Stderr)
	defer func() {
		if r := recover(); r != nil {
			code = command.BadEngine
			fmt.Fprintf(env.Err, "demarc: internal error: %v%s\n", r, keepStack(debug.Stack()))
		}
	}()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go listen(env, cancel)
	go endWithReader(env, cancel)
	return command.Execute(ctx, env, os.Args[1:], root)
}

// sameSignal is within what real time two signals count as one.
const sameSignal = 500 * time.Millisecond

// listen ends the work in good order at the first signal, and at once at the
// second.
func listen(env *command.Env, cancel context.CancelCauseFunc) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	cancel(command.ErrInterrupted)
	// One Ctrl-C can come twice: from the terminal and from a parent.
	time.Sleep(sameSignal)
	for len(signals) > 0 {
		<-signals
	}
	<-signals
	env.KillEngine()
	os.Exit(command.Interrupted)
}

// endWithReader ends the work in good order when nobody reads its output any more,
// as in a pipe to head. Unasked, the program would end where it stands. What is to be left
// running is brought up nevertheless.
func endWithReader(env *command.Env, cancel context.CancelCauseFunc) {
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	<-pipe
	if !env.Detach.Load() {
		cancel(command.ErrClosedPipe)
	}
}

// keepStack keeps a stack for a report in a file, and says where.
func keepStack(stack []byte) string {
	f, err := os.CreateTemp("", "demarc-internal-error-*.txt")
	if err != nil {
		return ""
	}
	_, err = f.Write(stack)
	if errors.Join(err, f.Close()) != nil {
		return ""
	}
	return "\n(the details are in " + f.Name() + ")"
}
