package login

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
	"syscall"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// root is the only user who may do everything.
const root = "root"

// streams are what a command reads and writes, where, and as whom.
type streams struct {
	in       io.Reader
	out, err io.Writer
	env      expand.Environ
	dir      string
	user     string
}

func home(user string) string {
	if user == root {
		return "/root"
	}
	return "/home/" + user
}

// streams are what a user's login begins with.
func (s *Session) streams(user string, in io.Reader, out, errOut io.Writer) streams {
	env := expand.ListEnviron(
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin", "HOME="+home(user), "USER="+user, "LOGNAME="+user,
		"SHELL=/bin/bash", "LANG=C.UTF-8", "TERM=xterm-256color", "HOSTNAME="+s.name, "SSH_TTY=/dev/pts/0", "BASH_VERSION=5.1.16(1)-release")
	return streams{in: in, out: out, err: errOut, env: env, dir: home(user), user: user}
}

// runner makes an interpreter, all of whose ways to the outside are ours.
func (s *Session) runner(args []string, io streams) (*interp.Runner, error) {
	if len(args) > 0 {
		args = args[1:] // the first is $0
	}
	env := &environment{Environ: io.env, user: io.user}
	r, err := interp.New(
		interp.Dir("/"),
		interp.Env(env),
		interp.StdIO(nil, io.out, io.err),
		interp.Params(append([]string{"--"}, args...)...),
		interp.CallHandler(func(ctx context.Context, argv []string) ([]string, error) { return s.call(ctx, io, argv) }),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc {
			return func(ctx context.Context, argv []string) error { return s.exec(ctx, io, argv) }
		}),
		interp.OpenHandler(func(ctx context.Context, name string, flag int, _ fs.FileMode) (io2, error) {
			return s.open(ctx, io.user, name, flag)
		}),
		interp.StatHandler(func(_ context.Context, name string, _ bool) (fs.FileInfo, error) { return s.info(name) }),
		interp.ReadDirHandler2(func(ctx context.Context, name string) ([]fs.DirEntry, error) {
			entries, err := s.entries(io.user, name)
			return entries, cmp.Or(s.process.Matched(ctx, name, len(entries)), err)
		}),
		interp.AccessHandler(func(_ context.Context, name string, mode interp.AccessMode) error {
			return s.access(io.user, name, mode)
		}),
	)
	if err != nil {
		return nil, err
	}
	r.Dir = io.dir
	r.Reset()
	env.ready = true
	return r, nil
}

// io2 is what the interpreter opens.
type io2 = io.ReadWriteCloser

// exec runs one command that is not built into the interpreter.
func (s *Session) exec(ctx context.Context, from streams, argv []string) error {
	h := interp.HandlerCtx(ctx)
	if argv[0] == guard.Stage {
		return s.process.Stage(ctx, argv)
	}
	io := streams{in: h.Stdin, out: h.Stdout, err: h.Stderr, env: h.Env, dir: h.Dir, user: from.user}
	if io.in == nil {
		io.in = from.in
	}
	if io.in == nil {
		io.in = s.in
	}
	code := s.start(ctx, argv, io)
	if err := ctx.Err(); err != nil {
		return err
	}
	if code != 0 {
		return interp.ExitStatus(uint8(code))
	}
	return nil
}

// start runs a command, or says in bash's words that there is none.
func (s *Session) start(ctx context.Context, argv []string, io streams) int {
	name := argv[0]
	if cmd, ok := s.lookup(name); ok {
		c := s.command(ctx, argv, io)
		defer c.memory.Release()
		return cmd(ctx, c)
	}
	if !strings.Contains(name, "/") {
		fmt.Fprintf(io.err, "bash: %s: command not found\n", name)
		return 127
	}
	return s.file(ctx, argv, io)
}

// file runs a script that is a file of the machine.
func (s *Session) file(ctx context.Context, argv []string, io streams) int {
	full := absolute(io.dir, argv[0])
	f, err := s.stat(full)
	switch {
	case err != nil:
		fmt.Fprintf(io.err, "bash: %s: %s\n", argv[0], reason(err))
		return 127
	case f.Dir:
		fmt.Fprintf(io.err, "bash: %s: Is a directory\n", argv[0])
		return 126
	}
	b, err := s.read(io.user, full)
	if err != nil {
		fmt.Fprintf(io.err, "bash: %s: Permission denied\n", argv[0])
		return 126
	}
	if slices.Contains(b[:min(len(b), 512)], 0) {
		fmt.Fprintf(io.err, "bash: %s: cannot execute binary file: Exec format error\n", argv[0])
		return 126
	}
	return s.script(ctx, string(b), argv, io)
}

// script runs a script to its end in a shell of its own; args begins with its name.
func (s *Session) script(ctx context.Context, text string, args []string, io streams) int {
	if guard.Deep() {
		fmt.Fprintln(io.err, "bash: maximum nesting level exceeded")
		return 1
	}
	if err := s.process.Meter.Read(ctx, text); err != nil {
		return s.exitCode(err, io.err)
	}
	f, err := safe(text)
	if err != nil {
		s.complain(io.err, err)
		return 2
	}
	r, err := s.runner(args, io)
	if err != nil {
		fmt.Fprintln(io.err, "bash:", err)
		return 2
	}
	return s.exitCode(r.Run(ctx, f), io.err)
}

func absolute(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}

// exitCode is the code of a script that ended with err.
func (s *Session) exitCode(err error, stderr io.Writer) int {
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return 128 + int(syscall.SIGINT)
	case errors.Is(err, guard.ErrMemory): // the kernel's doing
		fmt.Fprintln(stderr, "Killed")
		return 128 + int(syscall.SIGKILL)
	case errors.Is(err, guard.ErrFault):
		fmt.Fprintln(stderr, err)
		return 128 + int(syscall.SIGSEGV)
	}
	fmt.Fprintln(stderr, "bash:", err)
	return 2
}

// open opens a file for a redirection.
func (s *Session) open(ctx context.Context, user, name string, flag int) (io.ReadWriteCloser, error) {
	if f, ok, err := s.process.Open(ctx, name); ok {
		return f, err
	}
	h := interp.HandlerCtx(ctx)
	full := absolute(h.Dir, name)
	if d, ok := device(full, h.Stdout, h.Stderr); ok {
		return d, nil
	}
	f := &opened{s: s, user: user, name: full, complain: h.Stderr}
	var err error
	if flag&(os.O_WRONLY|os.O_RDWR) != 0 {
		if flag&os.O_TRUNC == 0 {
			err = s.write(user, full, nil, true)
		} else {
			err = s.write(user, full, nil, false)
		}
	} else {
		var b []byte
		if b, err = s.read(user, full); err == nil {
			var info fs.FileInfo
			if info, err = s.info(full); err == nil && info.IsDir() {
				err = syscall.EISDIR
			}
		}
		if err == nil {
			return s.process.Input(name, b)
		}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "bash:", Path: name, Err: errors.New(reason(err))}
	}
	return s.process.File(name, f)
}

// opened is an open file. Every write is on the disk at once.
type opened struct {
	s        *Session
	user     string
	name     string
	complain io.Writer
	failed   bool
}

// Read ends at once: the file is open for writing.
func (f *opened) Read([]byte) (int, error) { return 0, io.EOF }

// Write implements [io.Writer].
func (f *opened) Write(p []byte) (int, error) {
	if err := f.s.write(f.user, f.name, p, true); err != nil {
		if !f.failed {
			fmt.Fprintf(f.complain, "bash: write error: %s\n", reason(err))
		}
		f.failed = true
		return 0, err
	}
	return len(p), nil
}

// Close implements [io.Closer].
func (f *opened) Close() error { return nil }

// environment is a login's variables, in front of what the interpreter would ask its own
// host for.
type environment struct {
	expand.Environ
	user  string
	ready bool // false until the interpreter has chosen its directory for pipes
}

// shellPID is the number of every shell: it is not in the process table.
const shellPID = 48213

// Get implements [expand.Environ].
func (e *environment) Get(name string) expand.Variable {
	if v := e.Environ.Get(name); v.IsSet() && (e.ready || name != "TMPDIR") {
		return v
	}
	text := ""
	switch of, isHome := strings.CutPrefix(name, "HOME "); {
	case isHome && (of == root || of == "azureuser" || of == "support"):
		text = home(of)
	case isHome:
		text = "~" + of
	case name == "UID" || name == "EUID" || name == "GID":
		text = strconv.Itoa(uid(e.user))
	case name == guard.PIDVar:
		text = strconv.Itoa(shellPID)
	case name == guard.ParentVar:
		text = strconv.Itoa(shellPID - 1)
	case name == "TMPDIR" && !e.ready:
		text = "/\x00" // no file can be there
	default:
		return expand.Variable{}
	}
	return expand.Variable{Set: true, Kind: expand.String, Str: text}
}

func uid(user string) int {
	switch user {
	case root:
		return 0
	case "support":
		return 1001
	}
	return 1000
}
