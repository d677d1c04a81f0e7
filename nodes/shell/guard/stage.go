package guard

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// Stage is the command that runs a part of a pipeline, or what is in the background: the
// line at which it stands and its text.
const Stage = "/bin/.demarc-stage"

// stage turns a statement into a command that runs it. It is not tamed yet: it is when it
// runs.
func (t *tamer) stage(st *syntax.Stmt) error {
	own := *st
	own.Background, own.Disown = false, false
	text, err := Text(&own)
	if err != nil {
		return err
	}
	at := st.Position
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(text)
	quoted := &syntax.DblQuoted{Left: at, Right: at, Parts: []syntax.WordPart{lit(at, text)}}
	*st = syntax.Stmt{
		Position: at, Background: st.Background || st.Disown,
		Cmd: command(at, lit(at, Stage), lit(at, strconv.Itoa(int(at.Line()))), quoted).Cmd,
	}
	t.ours[st] = true
	return nil
}

// Stage runs a [Stage].
func (p *Process) Stage(ctx context.Context, argv []string) error {
	if len(argv) != 3 {
		return interp.ExitStatus(2)
	}
	if !p.fork() {
		return p.fail(errProcess)
	}
	defer p.join()
	line, _ := strconv.Atoi(argv[1]) // 0 is the first
	return Contain(func() error {
		text, err := p.Safely(ctx, argv[2])
		if err != nil {
			return err
		}
		// The lines of what it says are those of the script.
		return interp.HandlerCtx(ctx).Builtin(ctx, []string{"eval", strings.Repeat("\n", min(max(line-1, 0), maxScript/2)) + text})
	})
}

// Safely is a script after [Safe], as text.
func (p *Process) Safely(ctx context.Context, script string) (string, error) {
	if err := p.Meter.Read(ctx, script); err != nil {
		return "", err
	}
	f, err := p.Language(script)
	if err != nil {
		return "", err
	}
	if err := Safe(f); err != nil {
		return "", err
	}
	return Text(f)
}

func (p *Process) fork() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stages >= maxStages || !stages.Take(1) {
		return false
	}
	p.stages++
	return true
}

func (p *Process) join() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stages--
	stages.Give(1)
}

// stages are the parts of pipelines that run in the engine at a time. Each has a pipe of
// the host's.
var stages = NewPool(512)

// Contain runs a part of a customer's program: a panic in it is its own end.
func Contain(run func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			Report(fmt.Sprintf("%v\n%s", v, debug.Stack()))
			err = ErrFault
		}
	}()
	return run()
}

// report is told of panics in the programs of customers, which are faults of ours.
var report struct {
	sync.Mutex
	to func(text string)
}

// SetReport says who is told of faults, one at a time.
func SetReport(to func(text string)) {
	report.Lock()
	defer report.Unlock()
	report.to = to
}

// Report tells of a fault.
func Report(text string) {
	report.Lock()
	defer report.Unlock()
	if report.to != nil {
		report.to(text)
	}
}
