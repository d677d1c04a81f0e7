// Package shell is a shell and the text and file commands that come with it, for the worker
// nodes (bash and GNU's coreutils, package login) and for containers (ash and BusyBox,
// package program).
//
// They differ in what is behind the small interfaces of a [System]: [Files], [Processes]
// and the network; and in whose words the commands speak ([Shell.GNU]).
//
// Scripts run in an interpreter in which every command is one of ours and every file is
// the [System]'s. Nothing of the computer on which this runs can be reached: each of the
// interpreter's handlers is ours. What scripts and commands take is bounded by package
// guard: [Call.Out] is paid for, [Call.Read] holds memory, and regular expressions are
// compiled by [guard.Compile].
package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// Root is the only user who may do everything.
const Root = "root"

// Shell runs scripts and commands on a system.
type Shell struct {
	System
	// GNU says that this is bash with GNU's commands; otherwise it is ash and BusyBox.
	GNU bool
	// PID is the shell's process.
	PID int
	// Began is when it was started.
	Began time.Time
	// Users are the users with a home directory, and their numbers.
	Users map[string]int
	// In is what comes in for commands to which a script gives no input.
	In io.Reader
	// Shadowed are commands of the interpreter's own in whose place the system's run.
	Shadowed []string
	// Change, if not nil, sees every statement of a script before it runs.
	Change func(*syntax.Stmt)
	// Interactive is a shell without a script.
	Interactive func(ctx context.Context, io Streams) int
	// Unknown, if not nil, stands for a program that the system may have although it has no
	// command for it; last says that it is the script's last command. It returns false for
	// one that the system lacks.
	Unknown func(ctx context.Context, name string, last bool) (code int, stood bool)

	// Hidden, if not nil, says whether a file that is not there may be of the system: one whose
	// files nobody knows.
	Hidden  func(file string) bool
	sourced atomic.Bool // such a file was: any command may be defined in it

	// Typed is what comes in for the innermost session: a command that is a shell itself
	// goes on with it.
	Typed io.Reader

	// Group is that of a user without an account, whose name is its number.
	Group int
	// Groups are those that such a user is in beside.
	Groups []int

	process *guard.Process
	started string // as what ash was started: what it says begins with that
}

// Streams are what a command reads and writes, where, and as whom.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Env      expand.Environ
	Dir      string
	User     string
	Line     uint // of the script at which the command stands; 0 if there is none
}

// Process is what bounds all that the shell runs.
func (s *Shell) Process() *guard.Process {
	if s.process == nil {
		s.process = &guard.Process{Language: s.parse}
	}
	return s.process
}

// Contain runs something as a process whose end a fault is. It returns its exit code.
func (s *Shell) Contain(ctx context.Context, stderr io.Writer, run func(ctx context.Context) int) (code int) {
	ctx, end := s.Process().Begin(ctx)
	defer end()
	err := guard.Contain(func() error {
		code = run(ctx)
		return nil
	})
	if cause := context.Cause(ctx); err == nil && ctx.Err() != nil && cause != ctx.Err() {
		err = cause
	}
	if err != nil {
		return s.exitCode(err, stderr)
	}
	return code
}

// name is what the shell calls itself.
func (s *Shell) name() string {
	switch {
	case s.GNU:
		return "bash"
	case s.started != "":
		return s.started
	}
	return "sh"
}

// Interrupted is the exit code of what is ended from outside.
func (s *Shell) Interrupted() int {
	if s.GNU {
		return 128 + int(syscall.SIGINT)
	}
	return 128 + int(syscall.SIGTERM)
}

// Home is a user's home directory.
func Home(user string) string {
	if user == Root {
		return "/root"
	}
	return "/home/" + user
}

// UID is a user's number.
func (s *Shell) UID(user string) int {
	if n, ok := s.Users[user]; ok {
		return n
	}
	return 1000
}

// Runner makes an interpreter, all of whose ways to the outside are ours. It is for the
// script f, if that is known.
func (s *Shell) Runner(args []string, io Streams, f *syntax.File) (*interp.Runner, error) {
	if len(args) > 0 {
		args = args[1:] // the first is $0
	}
	env := &environment{Environ: io.Env, s: s, user: io.User}
	last := lastCall(f)
	r, err := interp.New(
		interp.Dir("/"),
		interp.Env(env),
		interp.StdIO(nil, io.Out, io.Err), // for anything else it makes a pipe of the host's
		interp.Params(append([]string{"--"}, args...)...),
		interp.CallHandler(func(ctx context.Context, argv []string) ([]string, error) { return s.call(ctx, io, argv) }),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc {
			return func(ctx context.Context, argv []string) error { return s.exec(ctx, io, argv, last) }
		}),
		interp.OpenHandler(func(ctx context.Context, name string, flag int, _ fs.FileMode) (readWriteCloser, error) {
			return s.open(ctx, io.User, name, flag)
		}),
		interp.StatHandler(func(_ context.Context, name string, _ bool) (fs.FileInfo, error) {
			f, err := s.Stat(name)
			if err != nil {
				return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
			}
			return info{f}, nil
		}),
		interp.ReadDirHandler2(func(ctx context.Context, name string) ([]fs.DirEntry, error) {
			files, err := s.List(io.User, name)
			entries := make([]fs.DirEntry, len(files))
			for i, f := range files {
				entries[i] = fs.FileInfoToDirEntry(info{f})
			}
			return entries, cmp.Or(s.process.Matched(ctx, name, len(entries)), err)
		}),
		interp.AccessHandler(func(_ context.Context, name string, mode interp.AccessMode) error {
			return s.Access(io.User, name, mode)
		}),
	)
	if err != nil {
		return nil, err
	}
	r.Dir = io.Dir
	r.Reset()
	env.ready = true
	return r, nil
}

// readWriteCloser is what the interpreter opens.
type readWriteCloser = io.ReadWriteCloser

// lastCall is where the last command of a script stands.
func lastCall(f *syntax.File) syntax.Pos {
	if f == nil || len(f.Stmts) == 0 {
		return syntax.Pos{}
	}
	last := f.Stmts[len(f.Stmts)-1].Cmd
	for {
		b, ok := last.(*syntax.BinaryCmd)
		if !ok {
			break
		}
		last = b.Y.Cmd
	}
	if c, ok := last.(*syntax.CallExpr); ok {
		return c.Pos()
	}
	return syntax.Pos{}
}

// exec runs one command that is not built into the interpreter.
func (s *Shell) exec(ctx context.Context, from Streams, argv []string, last syntax.Pos) error {
	h := interp.HandlerCtx(ctx)
	if argv[0] == guard.Stage {
		return s.process.Stage(ctx, argv)
	}
	io := Streams{In: s.input(h, from), Out: h.Stdout, Err: h.Stderr, Env: h.Env, Dir: h.Dir, User: from.User, Line: h.Pos.Line()}
	code, stood := 0, false
	if s.Unknown != nil && !s.Knows(io, argv[0]) {
		code, stood = s.Unknown(ctx, argv[0], h.Pos == last)
		stood = stood || s.sourced.Load() && !strings.Contains(argv[0], "/")
	}
	if !stood {
		code = s.Start(ctx, argv, io)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if code != 0 {
		return interp.ExitStatus(uint8(code))
	}
	return nil
}

// input is what a command reads to which its script gives nothing.
func (s *Shell) input(h interp.HandlerContext, from Streams) io.Reader {
	for _, in := range []io.Reader{h.Stdin, from.In, s.In} {
		if in != nil {
			return in
		}
	}
	return strings.NewReader("")
}

// Start runs a command, or says in the shell's words that there is none.
func (s *Shell) Start(ctx context.Context, argv []string, io Streams) int {
	if path.Base(argv[0]) == "sh" && s.started == "" {
		s.started = argv[0]
	}
	if cmd := s.lookup(argv[0]); cmd != nil {
		c := s.newCall(ctx, argv, io)
		defer c.memory.Release()
		return cmd(ctx, c)
	}
	if strings.Contains(argv[0], "/") {
		return s.file(ctx, argv, io)
	}
	return s.missing(argv[0], io)
}

func (s *Shell) missing(name string, io Streams) int {
	if s.GNU {
		fmt.Fprintf(io.Err, "bash: %s: command not found\n", name)
	} else {
		fmt.Fprintf(io.Err, "%s: %d: %s: not found\n", s.name(), max(io.Line, 1), name)
	}
	return 127
}

// file runs a script that is a file of the system's.
func (s *Shell) file(ctx context.Context, argv []string, io Streams) int {
	name := Absolute(io.Dir, argv[0])
	b, err := s.Read(io.User, name)
	code, why := 126, ""
	switch {
	case errors.Is(s.Access(io.User, name, interp.AccessExec), syscall.EACCES):
		why = Reason(syscall.EACCES)
	case !s.GNU && (err != nil || !strings.HasPrefix(string(b), "#!")):
		return s.missing(argv[0], io)
	case errors.Is(err, syscall.ENOENT):
		code, why = 127, Reason(err)
	case err != nil:
		why = Reason(err)
	case slices.Contains(b[:min(len(b), 512)], 0):
		why = "cannot execute binary file: Exec format error"
	default:
		return s.Script(ctx, string(b), argv, io)
	}
	if s.GNU {
		fmt.Fprintf(io.Err, "bash: %s: %s\n", argv[0], why)
	} else {
		fmt.Fprintf(io.Err, "%s: %d: %s: %s\n", s.name(), max(io.Line, 1), argv[0], why)
	}
	return code
}

// Script runs a script to its end in a shell of its own; args begins with its name.
func (s *Shell) Script(ctx context.Context, text string, args []string, io Streams) int {
	if guard.Deep() {
		fmt.Fprintln(io.Err, s.name()+": maximum nesting level exceeded")
		return 1
	}
	if err := s.Process().Meter.Read(ctx, text); err != nil {
		return s.exitCode(err, io.Err)
	}
	f, err := s.safe(text)
	if err != nil {
		s.complain(io.Err, err)
		return 2
	}
	if len(args) > 0 {
		f.Name = args[0] // which is $0
	}
	r, err := s.Runner(args, io, f)
	if err != nil {
		s.complain(io.Err, err)
		return 2
	}
	return s.exitCode(r.Run(ctx, f), io.Err)
}

// Session runs what comes in, statement by statement, with a prompt before each.
func (s *Shell) Session(ctx context.Context, io Streams, prompt string) int {
	input := io.In
	io.In = strings.NewReader("") // commands do not compete with the shell for it
	r, err := s.Runner(nil, io, nil)
	if err != nil {
		s.complain(io.Err, err)
		return 2
	}
	if input == nil {
		return 0
	}
	s.Typed = input
	fmt.Fprint(io.Out, prompt)
	code := 0
	reader := &guard.Reader{From: input}
	for stmts, err := range syntax.NewParser().InteractiveSeq(reader) {
		reader.Reset()
		if err != nil {
			s.complain(io.Err, err)
			return 2
		}
		for _, st := range stmts {
			if text, err := guard.Text(st); err != nil {
				s.complain(io.Err, err)
				code = 2
			} else if code = s.Line(ctx, r, text, io.Err); r.Exited() {
				return code
			}
		}
		if ctx.Err() != nil {
			break
		}
		fmt.Fprint(io.Out, prompt)
	}
	return code
}

// Line runs one line of a session.
func (s *Shell) Line(ctx context.Context, r *interp.Runner, text string, stderr io.Writer) int {
	f, err := s.safe(text)
	if err != nil {
		s.complain(stderr, err)
		return 2
	}
	return s.exitCode(r.Run(ctx, f), stderr)
}

// exitCode is the code of a script that ended with err.
func (s *Shell) exitCode(err error, stderr io.Writer) int {
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return s.Interrupted()
	case errors.Is(err, guard.ErrMemory): // the kernel's doing
		if s.GNU {
			fmt.Fprintln(stderr, "Killed")
		}
		return 128 + int(syscall.SIGKILL)
	case errors.Is(err, guard.ErrFault):
		fmt.Fprintln(stderr, err)
		return 128 + int(syscall.SIGSEGV)
	}
	s.complain(stderr, err)
	return 2
}

// open opens a file for a redirection.
func (s *Shell) open(ctx context.Context, user, name string, flag int) (io.ReadWriteCloser, error) {
	if f, ok, err := s.process.Open(ctx, name); ok {
		return f, err
	}
	h := interp.HandlerCtx(ctx)
	full := Absolute(h.Dir, name)
	if d, ok := deviceOf(full, h.Stdout, h.Stderr); ok {
		return d, nil
	}
	var b []byte
	var err error
	writing := flag&(os.O_WRONLY|os.O_RDWR) != 0
	if writing {
		err = s.Write(user, full, nil, flag&os.O_TRUNC == 0)
	} else {
		b, err = s.Read(user, full)
	}
	switch {
	case err != nil && s.GNU:
		return nil, &fs.PathError{Op: "bash:", Path: name, Err: errors.New(Reason(err))}
	case err != nil:
		return nil, s.ashProblem(name, writing, err)
	case writing:
		return s.process.File(name, &opened{s: s, user: user, name: full, complain: h.Stderr})
	}
	return s.process.Input(name, b)
}

// ashProblem is what ash says of a file that it cannot open.
func (s *Shell) ashProblem(name string, writing bool, err error) error {
	op, text := s.name()+": can't open", Reason(err)
	if writing {
		op = s.name() + ": can't create"
	}
	if errors.Is(err, fs.ErrNotExist) {
		text = map[bool]string{true: "nonexistent directory", false: "no such file"}[writing]
	}
	return &fs.PathError{Op: op, Path: name, Err: errors.New(text)}
}

// environment is a shell's variables, in front of what the interpreter would ask the host
// for.
type environment struct {
	expand.Environ
	s     *Shell
	user  string
	ready bool // false until the interpreter has chosen its directory for pipes
}

// Get implements [expand.Environ].
func (e *environment) Get(name string) expand.Variable {
	if v := e.Environ.Get(name); v.IsSet() && (e.ready || name != "TMPDIR") {
		return v
	}
	text := ""
	switch of, isHome := strings.CutPrefix(name, "HOME "); {
	case isHome: // ~user
		text = "~" + of
		if _, ok := e.s.Users[of]; ok {
			text = Home(of)
		}
	case name == "UID" || name == "EUID" || name == "GID":
		text = strconv.Itoa(e.s.UID(e.user))
	case name == guard.PIDVar:
		text = strconv.Itoa(e.s.PID)
	case name == guard.ParentVar:
		text = strconv.Itoa(e.s.PID - 1)
	case name == "TMPDIR" && !e.ready:
		text = "/\x00" // no file can be there
	default:
		return expand.Variable{}
	}
	return expand.Variable{Set: true, Kind: expand.String, Str: text}
}
