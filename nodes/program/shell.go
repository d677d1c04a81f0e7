package program

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
	"strings"
	"syscall"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// shell runs scripts and commands in one container. Its files are in memory.
type shell struct {
	spec    Spec
	disk    *Disk
	process *guard.Process
	// main is set for the container's own script. In an image that we do not
	// know, programs that we do not know are taken to be there: see unknown.
	main bool
}

func newShell(s Spec) *shell {
	disk := s.Disk
	if disk == nil {
		disk = NewDisk()
	}
	disk.attach(s)
	return &shell{spec: s, disk: disk, process: &guard.Process{Language: parse}}
}

// streams are what a command reads and writes, and where.
type streams struct {
	in       io.Reader
	out, err io.Writer
	env      expand.Environ
	dir      string
}

// streams are what the container's own processes begin with.
func (s *shell) streams(in io.Reader, out, errOut io.Writer) streams {
	env := append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "HOSTNAME=" + s.spec.Hostname}, s.spec.Env...)
	return streams{in: in, out: out, err: errOut, env: expand.ListEnviron(env...), dir: "/" + strings.TrimPrefix(clean(s.spec.WorkingDir), ".")}
}

// Exec runs a command in a container and returns its exit code. Its error is
// the container runtime's, for a command that cannot be run at all.
func Exec(ctx context.Context, s Spec, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if len(argv) == 0 {
		return 0, errors.New("no command given")
	}
	sh := newShell(s)
	if !sh.knows(argv[0]) {
		return 127, fmt.Errorf("OCI runtime exec failed: exec failed: unable to start container process: %w", notFound(argv[0]))
	}
	return sh.run(ctx, argv, sh.streams(stdin, stdout, stderr)), nil
}

// run runs a command as a process of its own. A fault in it is its end only.
func (s *shell) run(ctx context.Context, argv []string, io streams) (code int) {
	ctx, end := s.process.Begin(ctx)
	defer end()
	err := guard.Contain(func() error {
		code = s.start(ctx, argv, io)
		return nil
	})
	if cause := context.Cause(ctx); err == nil && ctx.Err() != nil && cause != ctx.Err() {
		err = cause
	}
	if err != nil {
		return s.exitCode(err, io.err)
	}
	return code
}

// notFound is what a container runtime says of a program that an image lacks.
func notFound(name string) error {
	if strings.Contains(name, "/") {
		return fmt.Errorf("exec: %q: stat %s: no such file or directory: unknown", name, name)
	}
	return fmt.Errorf("exec: %q: executable file not found in $PATH: unknown", name)
}

// knows says whether a command can be run by its name or path.
func (s *shell) knows(name string) bool {
	if base := path.Base(name); base == name || inPath(path.Dir(name)) {
		if isShell(base) || commands[base] != nil {
			return true
		}
	}
	_, ok := s.program(name)
	return ok
}

func inPath(dir string) bool {
	return slices.Contains([]string{"/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"}, dir)
}

func isShell(name string) bool { return slices.Contains([]string{"sh", "bash", "ash", "dash"}, name) }

// program is a file on the disk that is a script.
func (s *shell) program(name string) (string, bool) {
	if !strings.Contains(name, "/") {
		return "", false
	}
	b, err := s.disk.read(name)
	return string(b), err == nil && strings.HasPrefix(string(b), "#!")
}

// start runs a command that the shell knows.
func (s *shell) start(ctx context.Context, argv []string, io streams) int {
	base := path.Base(argv[0])
	if text, ok := s.program(argv[0]); ok {
		return s.script(ctx, text, argv, io)
	}
	switch {
	case isShell(base):
		return s.shell(ctx, argv, io)
	case interp.IsBuiltin(base) && commands[base] == nil, builtins[base]:
		return s.script(ctx, quote(append([]string{base}, argv[1:]...)), nil, io)
	}
	return s.command(ctx, base, argv[1:], io)
}

// command runs one of our commands, whose output is paid for and whose memory is given
// back.
func (s *shell) command(ctx context.Context, name string, args []string, io streams) int {
	io.out = &guard.Sink{Ctx: ctx, Meter: &s.process.Meter, To: io.out}
	c := &call{ctx: ctx, shell: s, args: args, streams: io, memory: guard.Memory{Process: s.process}}
	defer c.memory.Release()
	return commands[name](ctx, c)
}

// shell is `sh`: with -c, with a file, or with what comes in.
func (s *shell) shell(ctx context.Context, argv []string, io streams) int {
	rest := argv[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") && rest[0] != "-" {
		if isCommandFlag(rest[0]) {
			if len(rest) == 1 {
				fmt.Fprintln(io.err, "sh: 0: -c requires an argument")
				return 2
			}
			return s.script(ctx, rest[1], slices.Concat([]string{"sh"}, rest[min(3, len(rest)):]), io)
		}
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return s.interactive(ctx, io)
	}
	b, err := s.disk.read(absolute(io.dir, rest[0]))
	if err != nil {
		fmt.Fprintf(io.err, "sh: 0: cannot open %s: No such file\n", rest[0])
		return 2
	}
	return s.script(ctx, string(b), rest, io)
}

func absolute(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}

// script runs a script to its end; args begins with its name.
func (s *shell) script(ctx context.Context, text string, args []string, io streams) int {
	if err := s.process.Meter.Read(ctx, text); err != nil {
		return s.exitCode(err, io.err)
	}
	f, err := safe(text)
	if err != nil {
		fmt.Fprintln(io.err, err)
		return 2
	}
	r, err := s.runner(args, io, f)
	if err != nil {
		fmt.Fprintln(io.err, err)
		return 2
	}
	return s.exitCode(r.Run(ctx, f), io.err)
}

// interactive reads and runs statements until the input ends.
func (s *shell) interactive(ctx context.Context, io streams) int {
	input := io.in
	io.in = nil // commands do not compete with the shell for it
	r, err := s.runner(nil, io, nil)
	if err != nil {
		fmt.Fprintln(io.err, err)
		return 2
	}
	if input == nil {
		return 0
	}
	fmt.Fprint(io.out, "# ")
	code := 0
	reader := &guard.Reader{From: input}
	for stmts, err := range syntax.NewParser().InteractiveSeq(reader) {
		reader.Reset()
		if err != nil {
			fmt.Fprintln(io.err, err)
			return 2
		}
		for _, st := range stmts {
			if code = s.statement(ctx, r, st, io.err); r.Exited() {
				return code
			}
		}
		if ctx.Err() != nil {
			break
		}
		fmt.Fprint(io.out, "# ")
	}
	return code
}

// statement runs one statement of a session.
func (s *shell) statement(ctx context.Context, r *interp.Runner, st *syntax.Stmt, stderr io.Writer) int {
	text, err := guard.Text(st)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	f, err := safe(text)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	code := 0
	for _, safe := range f.Stmts {
		code = s.exitCode(r.Run(ctx, safe), stderr)
	}
	return code
}

// runner makes an interpreter, all of whose ways to the host are ours.
func (s *shell) runner(args []string, io streams, f *syntax.File) (*interp.Runner, error) {
	if len(args) > 0 {
		args = args[1:] // the first is $0
	}
	env := &environment{Environ: io.env}
	last := lastCall(f)
	r, err := interp.New(
		interp.Dir("/"),
		interp.Env(env),
		interp.StdIO(io.in, io.out, io.err),
		interp.Params(append([]string{"--"}, args...)...),
		interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc {
			return func(ctx context.Context, argv []string) error { return s.exec(ctx, argv, last) }
		}),
		interp.OpenHandler(s.open),
		interp.StatHandler(func(_ context.Context, name string, _ bool) (fs.FileInfo, error) { return s.disk.stat(name) }),
		interp.ReadDirHandler2(func(ctx context.Context, name string) ([]fs.DirEntry, error) {
			entries, err := s.disk.list(name)
			return entries, cmp.Or(s.process.Matched(ctx, name, len(entries)), err)
		}),
		interp.AccessHandler(func(_ context.Context, name string, _ interp.AccessMode) error {
			_, err := s.disk.stat(name)
			return err
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
func (s *shell) exec(ctx context.Context, argv []string, last syntax.Pos) error {
	h := interp.HandlerCtx(ctx)
	io := streams{in: h.Stdin, out: h.Stdout, err: h.Stderr, env: h.Env, dir: h.Dir}
	if io.in == nil {
		io.in = strings.NewReader("")
	}
	name := argv[0]
	if name == guard.Stage {
		return s.process.Stage(ctx, argv)
	}
	if strings.HasPrefix(name, ".") && strings.Contains(name, "/") {
		name = absolute(h.Dir, name)
	}
	code := 127
	switch {
	case s.knows(name):
		code = s.start(ctx, append([]string{name}, argv[1:]...), io)
	case s.main && !bare[imageName(s.spec.Image)]:
		code = unknown(ctx, h.Pos == last)
	default:
		fmt.Fprintf(h.Stderr, "sh: %d: %s: not found\n", max(h.Pos.Line(), 1), argv[0])
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if code != 0 {
		return interp.ExitStatus(uint8(code))
	}
	return nil
}

// unknown stands for a program of an image that we do not have. The last command
// of a container's script is what it is there for, and runs until it is stopped;
// those before it prepare something and succeed.
func unknown(ctx context.Context, last bool) int {
	if last {
		<-ctx.Done()
	}
	return 0
}

// open opens a file in memory, for redirections.
func (s *shell) open(ctx context.Context, name string, flag int, _ fs.FileMode) (io.ReadWriteCloser, error) {
	if f, ok, err := s.process.Open(ctx, name); ok {
		return f, err
	}
	h := interp.HandlerCtx(ctx)
	name = absolute(h.Dir, name)
	if d, ok := deviceFor(name, h.Stdout, h.Stderr); ok {
		return d, nil
	}
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		b, err := s.disk.read(name)
		if err != nil {
			return nil, err
		}
		return s.process.Input(name, b)
	}
	f, err := s.disk.open(name, flag)
	if err != nil {
		return nil, err
	}
	return s.process.File(name, f)
}

// exitCode is the code of a script that ended with err.
func (s *shell) exitCode(err error, stderr io.Writer) int {
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return 128 + int(syscall.SIGTERM)
	case errors.Is(err, guard.ErrMemory): // the kernel's doing
		return 128 + int(syscall.SIGKILL)
	case errors.Is(err, guard.ErrFault):
		fmt.Fprintln(stderr, err)
		return 128 + int(syscall.SIGSEGV)
	}
	fmt.Fprintln(stderr, "sh:", err)
	return 2
}
