package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// shell runs scripts in one container. Its files are in memory.
type shell struct {
	spec  Spec
	files *files
}

func newShell(s Spec) *shell { return &shell{spec: s, files: newFiles(s)} }

// Exec runs a command in a container and returns its exit code. Its error is
// the container runtime's, for a command that cannot be run at all.
func Exec(ctx context.Context, s Spec, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if len(argv) == 0 {
		return 0, errors.New("no command given")
	}
	name := path.Base(argv[0])
	switch {
	case slices.Contains([]string{"sh", "bash", "ash", "dash"}, name):
		if i := slices.IndexFunc(argv, isCommandFlag); i >= 0 && i+1 < len(argv) {
			return newShell(s).run(ctx, argv[i+1], argv[i+2:], stdin, stdout, stderr), nil
		}
		return newShell(s).interactive(ctx, stdin, stdout, stderr), nil
	case commands[name] == nil:
		return 127, fmt.Errorf("OCI runtime exec failed: exec failed: unable to start container process: exec: %q: executable file not found in $PATH", argv[0])
	}
	return newShell(s).run(ctx, quote(argv), nil, stdin, stdout, stderr), nil
}

// run runs a script to its end.
func (s *shell) run(ctx context.Context, script string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), "sh")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	r, err := s.runner(args, stdin, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	return exitCode(r.Run(ctx, file))
}

// interactive reads and runs statements until the input ends.
func (s *shell) interactive(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	r, err := s.runner(nil, nil, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if stdin == nil {
		return 0
	}
	fmt.Fprint(stdout, "# ")
	code := 0
	err = syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Interactive(stdin, func(stmts []*syntax.Stmt) bool {
		for _, st := range stmts {
			code = exitCode(r.Run(ctx, st))
			if r.Exited() {
				return false
			}
		}
		fmt.Fprint(stdout, "# ")
		return true
	})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	return code
}

func (s *shell) runner(args []string, stdin io.Reader, stdout, stderr io.Writer) (*interp.Runner, error) {
	env := append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "HOSTNAME=" + s.spec.Hostname}, s.spec.Env...)
	params := args
	if len(params) > 0 {
		params = params[1:] // the first is $0
	}
	return interp.New(
		interp.Dir("/"),
		interp.Env(expand.ListEnviron(env...)),
		interp.StdIO(stdin, stdout, stderr),
		interp.Params(append([]string{"--"}, params...)...),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
		interp.OpenHandler(s.open),
		interp.StatHandler(func(_ context.Context, name string, _ bool) (fs.FileInfo, error) { return s.files.stat(name) }),
		interp.ReadDirHandler2(func(_ context.Context, name string) ([]fs.DirEntry, error) { return s.files.list(name) }),
	)
}

// exec runs one command of ours.
func (s *shell) exec(ctx context.Context, argv []string) error {
	h := interp.HandlerCtx(ctx)
	c := commands[path.Base(argv[0])]
	if c == nil {
		fmt.Fprintf(h.Stderr, "sh: %s: not found\n", argv[0])
		return interp.ExitStatus(127)
	}
	in := h.Stdin
	if in == nil {
		in = strings.NewReader("")
	}
	code := c(ctx, &call{shell: s, args: argv[1:], env: h.Env, in: in, out: h.Stdout, err: h.Stderr})
	if code == 0 {
		return ctx.Err()
	}
	return interp.ExitStatus(uint8(code))
}

// open opens a file in memory, for redirections.
func (s *shell) open(_ context.Context, name string, flag int, _ fs.FileMode) (io.ReadWriteCloser, error) {
	if name == "/dev/null" {
		return &openFile{}, nil
	}
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		b, err := s.files.read(name)
		return &openFile{Buffer: *bytes.NewBuffer(b)}, err
	}
	f := &openFile{save: func(b []byte) error { return s.files.write(name, b) }}
	if flag&os.O_APPEND != 0 {
		if b, err := s.files.read(name); err == nil {
			f.Write(b)
		}
	}
	return f, s.files.write(name, f.Bytes())
}

// openFile is a file while it is open; what was written is kept when it closes.
type openFile struct {
	bytes.Buffer
	save func([]byte) error
}

// Close implements [io.Closer].
func (f *openFile) Close() error {
	if f.save == nil {
		return nil
	}
	return f.save(f.Bytes())
}

func exitCode(err error) int {
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return 143 // 128 + SIGTERM
	}
	return 1
}
