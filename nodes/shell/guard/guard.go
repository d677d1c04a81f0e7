// Package guard bounds what the scripts and commands of customers take of the engine.
//
// A script runs in an interpreter that expands words in memory and recurses with what it is
// given. It knows no bounds of its own, and a Go program does not survive a full stack or
// want of memory. So each script is a [Process], and
//
//   - [Process.Parse] reads it. The reader looks at the depth of the stack while the parser
//     recurses, and the finished tree has a greatest depth (parse.go);
//   - a statement that expands something gets a redirection in front of its own, whose file
//     name says how much the statement takes, as a formula over the sizes of the variables
//     (formula.go). Opening that file ([Process.Open]) is how the interpreter asks: it is
//     refused, or takes that much of the process's and the engine's [Pool] until the
//     statement ends (size.go);
//   - the parts of a pipeline and what runs in the background are goroutines of the
//     interpreter's. Each is one command, [Stage], so that their number is bounded and a
//     panic in one ends the script and not the engine (stage.go);
//   - commands, loops and output are paid for from a [Meter], so that a script that never
//     waits does not stop the clock (meter.go).
package guard

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

const (
	maxFrames    = 4_000    // of our stack that nested shells may take; functions may take more
	maxStatement = 16 << 20 // bytes that one statement may take
	maxProcess   = 32 << 20 // and all that a process runs at a time
	maxVariables = 8 << 20  // bytes of variables
	maxKept      = 4 << 20  // bytes of functions
	maxArguments = 4 << 20  // bytes of one command's arguments (Linux has 2 MiB)
	maxFiles     = 256      // open at a time
	maxStages    = 64       // side by side
	looks        = 500      // variables that are looked at for the price of a command
)

var (
	// ErrStack ends a script whose functions call each other without end.
	ErrStack = errors.New("maximum function recursion depth reached")
	// ErrMemory ends a script that would take too much memory.
	ErrMemory = errors.New("out of memory")
	// ErrFault ends a script in which one of our programs, or the interpreter, failed.
	//lint:ignore ST1005 a shell shows the C library's text
	ErrFault   = errors.New("Segmentation fault")
	errProcess = errors.New("fork: Resource temporarily unavailable")
	//lint:ignore ST1005 the same
	errFiles = errors.New("Too many open files")
)

// Pool is memory that processes share.
type Pool struct {
	mu          sync.Mutex
	held, limit int64
}

// NewPool returns a pool of so many bytes.
func NewPool(limit int64) *Pool { return &Pool{limit: limit} }

// engine is what all scripts together may hold at a time.
var engine = NewPool(256 << 20)

// Take takes n bytes if there are as many.
func (p *Pool) Take(n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n < 0 || p.held+n > p.limit {
		return false
	}
	p.held += n
	return true
}

// Give gives n bytes back.
func (p *Pool) Give(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held -= n
}

// Process is what one script takes, with all that it starts. Its zero value is ready for
// use.
type Process struct {
	Meter Meter
	// Language reads a script, before it is made safe: [Parse] or one that complains in
	// other words.
	Language func(script string) (*File, error)

	mu        sync.Mutex
	held      int64
	variables int64 // the part of held that variables have
	functions map[string]int64
	kept      int64
	stages    int
	files     int
	dirs      int                    // that pushd has pushed
	feed      string                 // see feeding
	globs     map[uintptr]*statement // the innermost statement of each interpreter
	kill      context.CancelCauseFunc
}

// Begin returns the context in which the process runs, and what ends it.
func (p *Process) Begin(ctx context.Context) (context.Context, func()) {
	ctx, kill := context.WithCancelCause(ctx)
	p.mu.Lock()
	p.kill = kill
	p.mu.Unlock()
	return ctx, func() {
		kill(nil)
		p.mu.Lock()
		defer p.mu.Unlock()
		engine.Give(p.variables)
		p.held -= p.variables
		p.variables = 0
	}
}

// fail ends the process with a cause.
func (p *Process) fail(cause error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kill != nil {
		p.kill(cause)
	}
	return cause
}

// Hold takes n bytes of memory and returns what gives them back. Without them the process
// ends.
func (p *Process) Hold(n int64) (release func(), err error) {
	if err := p.take(n); err != nil {
		return nil, p.fail(err)
	}
	return sync.OnceFunc(func() { p.give(n) }), nil
}

func (p *Process) take(n int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n < 0 || p.held+n > maxProcess || !engine.Take(n) {
		return ErrMemory
	}
	p.held += n
	return nil
}

func (p *Process) give(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held -= n
	engine.Give(n)
}

// Call sees every command of a script before it runs: it counts it, and says whether the
// script may go on.
func (p *Process) Call(ctx context.Context, argv []string) error {
	if listSize(argv) > maxArguments || argv[0] == "printf" && printed(argv[1:]) > maxArguments {
		return p.fail(ErrMemory)
	}
	return p.bounded(ctx, interp.HandlerCtx(ctx).Env, 1)
}

// bounded pays for a statement, and says whether a script has gone too far to go on: in
// depth, or in the size of its variables, of which it also pays the looking at.
func (p *Process) bounded(ctx context.Context, env expand.Environ, price float64) error {
	if deeper(maxFrames + 1_000) {
		return p.fail(ErrStack)
	}
	var size int64
	for _, v := range env.Each {
		size += variableSize(v)
		price += float64(1+len(v.List)+len(v.Map)) / looks
	}
	if size > maxVariables {
		return p.fail(ErrMemory)
	}
	if err := p.Meter.SpendAll(ctx, price); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if more := size - p.variables; more > 64<<10 {
		if p.held+more > maxProcess || !engine.Take(more) {
			return ErrMemory
		}
		p.held += more
		p.variables = size
	}
	return nil
}

// Deep says whether the stack is too deep for another shell.
func Deep() bool { return deeper(maxFrames) }

func deeper(frames int) bool {
	var pc [1]uintptr
	return runtime.Callers(frames, pc[:]) > 0
}
