package program

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// A script is input like any other: it must not stop the engine. Time stands
// still while it computes, so one that never waits would stop time itself; it
// pays for its commands instead, and waits when it has no more to pay with.
const (
	maxBurst     = 20_000 // commands that cost no time
	commandsRate = 200    // commands a second after that
	maxFrames    = 5_000  // of our stack that nested functions may take
	maxMemory    = 16 << 20
)

var (
	errStack = errors.New("maximum function recursion depth reached")
	// ErrMemory ends a script that would take too much memory.
	ErrMemory = errors.New("out of memory")
)

// Meter counts a script's commands. Its zero value is ready for use.
type Meter struct {
	mu   sync.Mutex
	left float64
	last time.Time
}

// Spend pays for one command, and waits for the next second if there is nothing left.
func (m *Meter) Spend(ctx context.Context) error {
	for {
		m.mu.Lock()
		now := time.Now()
		if m.last.IsZero() {
			m.left = maxBurst
		} else {
			m.left = min(maxBurst, m.left+now.Sub(m.last).Seconds()*commandsRate)
		}
		m.last = now
		ok := m.left >= 1
		if ok {
			m.left--
		}
		m.mu.Unlock()
		if ok {
			return ctx.Err()
		}
		select {
		case <-time.After(time.Until(now.Truncate(time.Second).Add(time.Second))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Bounded says whether a script has gone too far to go on: in depth, or in the size
// of its variables.
func Bounded(env expand.Environ) error {
	var pc [1]uintptr
	if runtime.Callers(maxFrames, pc[:]) > 0 {
		return errStack
	}
	size := 0
	for _, v := range env.Each {
		size += len(v.Str)
		for _, s := range v.List {
			size += len(s)
		}
	}
	if size > maxMemory {
		return ErrMemory
	}
	return nil
}

// HugeRange is a brace expansion or a printf width that takes too much memory.
var HugeRange = regexp.MustCompile(`\.\.-?[0-9]{6,}|-?[0-9]{6,}\.\.|%[-+ 0#]*[0-9]{6,}`)

// parse reads a script and makes it safe to interpret: every turn of a loop
// counts as a command, and nothing asks the host.
func parse(script string) (*syntax.File, error) {
	f, err := syntax.NewParser().Parse(strings.NewReader(script), "sh")
	if err != nil {
		return nil, err
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		if e := Tame(n); e != nil && err == nil {
			err = fmt.Errorf("sh: %d: %w", n.Pos().Line(), e)
		}
		return err == nil
	})
	return f, err
}

// Tame changes one node of a script, so that a turn of a loop counts as a command and
// nothing asks the host. Its error is of what cannot be run.
func Tame(n syntax.Node) error {
	switch n := n.(type) {
	case *syntax.ProcSubst: // a pipe of the host's
		return errors.New("syntax error: process substitution")
	case *syntax.CoprocClause:
		return errors.New("syntax error: coproc")
	case *syntax.Lit:
		if HugeRange.MatchString(n.Value) {
			return ErrMemory
		}
	case *syntax.SglQuoted:
		if HugeRange.MatchString(n.Value) {
			return ErrMemory
		}
	case *syntax.WhileClause:
		n.Do = append([]*syntax.Stmt{counted(n.Pos())}, n.Do...)
	case *syntax.ForClause:
		n.Do = append([]*syntax.Stmt{counted(n.Pos())}, n.Do...)
	case *syntax.ParamExp:
		// The process is the only one that its container has.
		if n.Param != nil && (n.Param.Value == "$" || n.Param.Value == "PPID") {
			n.Param.Value, n.Short = map[string]string{"$": PIDVar, "PPID": ParentVar}[n.Param.Value], false
		}
	case *syntax.UnaryTest: // every file is root's
		if n.Op == syntax.TsUsrOwn || n.Op == syntax.TsGrpOwn {
			n.Op = syntax.TsExists
		}
	}
	return nil
}

// counted is a command that does nothing.
func counted(at syntax.Pos) *syntax.Stmt {
	word := &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{ValuePos: at, ValueEnd: at, Value: ":"}}}
	return &syntax.Stmt{Position: at, Cmd: &syntax.CallExpr{Args: []*syntax.Word{word}}}
}

// printed is a script after parse, as text.
func printed(script string) (string, error) {
	f, err := parse(script)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = syntax.NewPrinter().Print(&b, f)
	return b.String(), err
}

// The variables that stand for $$ and $PPID after [Tame].
const (
	PIDVar    = "__pid"
	ParentVar = "__ppid"
)

// environment is a container's variables, in front of what the interpreter
// would ask the host for.
type environment struct {
	expand.Environ
	ready bool // false until the interpreter has chosen its directory for pipes
}

// Get implements [expand.Environ].
func (e *environment) Get(name string) expand.Variable {
	if v := e.Environ.Get(name); v.IsSet() && (e.ready || name != "TMPDIR") {
		return v
	}
	text := ""
	switch user, home := strings.CutPrefix(name, "HOME "); {
	case home && user == "root": // ~root
		text = "/root"
	case home: // there are no others
		text = "~" + user
	case name == "UID" || name == "EUID" || name == "GID" || name == ParentVar:
		text = "0"
	case name == PIDVar:
		text = "1"
	case name == "TMPDIR" && !e.ready:
		text = "/\x00" // no file can be there
	default:
		return expand.Variable{}
	}
	return expand.Variable{Set: true, Kind: expand.String, Str: text}
}
