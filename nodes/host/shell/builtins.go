package shell

import (
	"context"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"

	"demarc/nodes/program"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// maxFrames is how much of our stack nested scripts may take.
const maxFrames = 4_000

func deep() bool {
	var pc [1]uintptr
	return runtime.Callers(maxFrames, pc[:]) > 0
}

// call sees every command of a script before it runs: it counts it, and turns those of the
// interpreter's own commands that would ask its host, or that bash does differently, into ours.
func (s *Session) call(ctx context.Context, from streams, argv []string) ([]string, error) {
	if err := s.meter.Spend(ctx); err != nil {
		return nil, err
	}
	h := interp.HandlerCtx(ctx)
	if err := program.Bounded(h.Env); err != nil {
		return nil, err
	}
	argv = program.Direct(argv, changed)
	switch argv[0] {
	case "kill", "type", "echo", "history", "logout", "help", "hash", "ulimit", "umask", "wait", "jobs", "fg", "bg", "disown":
		if argv[0] == "logout" {
			return append([]string{"exit"}, argv[1:]...), nil
		}
		return program.Ours(argv), nil
	case "command":
		if len(argv) > 1 && (argv[1] == "-v" || argv[1] == "-V") {
			return program.Ours(append([]string{"type"}, argv[1:]...)), nil
		}
	case "pwd": // there are no links to follow
		return argv[:1], nil
	case "test", "[": // who may write is what decides whose a file is
		return program.Replaced(argv, map[string]string{"-O": "-w", "-G": "-w"}), nil
	case "printf":
		if slices.ContainsFunc(argv, program.HugeRange.MatchString) {
			return nil, program.ErrMemory
		}
	case "trap":
		return trap(argv)
	case "cd":
		return s.enter(from.user, h, argv), nil
	case "read":
		if h.Stdin == nil {
			return s.readLine(from, argv, h.Stderr), nil
		}
	case "eval":
		return s.eval(strings.Join(argv[1:], " "), h.Stderr), nil
	case ".", "source":
		if len(argv) < 2 {
			fmt.Fprintf(h.Stderr, "bash: %s: filename argument required\n", argv[0])
			return []string{"false"}, nil
		}
		b, err := s.read(from.user, absolute(h.Dir, argv[1]))
		if err == nil {
			return s.eval(string(b), h.Stderr), nil
		}
		fmt.Fprintf(h.Stderr, "bash: %s: %s\n", argv[1], reason(err))
		return []string{"false"}, nil
	}
	return argv, nil
}

// changed are the interpreter's own commands that call changes.
var changed = map[string]bool{
	"kill": true, "type": true, "echo": true, "command": true, "builtin": true, "pwd": true, "test": true, "[": true, "printf": true,
	"trap": true, "eval": true, ".": true, "source": true, "cd": true, "read": true, "hash": true, "help": true, "wait": true,
	"umask": true, "ulimit": true, "jobs": true, "fg": true, "bg": true,
}

// enter is cd, with bash's words for what it cannot enter.
func (s *Session) enter(user string, h interp.HandlerContext, argv []string) []string {
	if len(argv) == 3 && argv[1] == "--" {
		argv = []string{"cd", argv[2]}
	}
	if len(argv) > 2 {
		fmt.Fprintln(h.Stderr, "bash: cd: too many arguments")
		return []string{"false"}
	}
	if len(argv) == 1 {
		argv = []string{"cd", h.Env.Get("HOME").String()}
	}
	if argv[1] == "-" || argv[1] == "" {
		return argv
	}
	full := absolute(h.Dir, argv[1])
	f, err := s.stat(full)
	text := ""
	switch {
	case err != nil:
		text = reason(err)
	case !f.Dir:
		text = "Not a directory"
	case !mayRead(user, full, f):
		text = "Permission denied"
	default:
		return []string{"cd", path.Clean(argv[1])}
	}
	fmt.Fprintf(h.Stderr, "bash: cd: %s: %s\n", argv[1], text)
	return []string{"false"}
}

// eval is the command that runs a script in the shell that is running.
func (s *Session) eval(script string, stderr io.Writer) []string {
	text, err := printed(script)
	if err != nil {
		s.complain(stderr, err)
		return []string{"false"}
	}
	return []string{"eval", text}
}

// readLine is read for what comes in to the session: the interpreter does not see it.
func (s *Session) readLine(from streams, argv []string, stderr io.Writer) []string {
	in := from.in
	if in == nil {
		in = s.in
	}
	rest := []string{"read"}
	for i := 1; i < len(argv); i++ {
		if argv[i] == "-p" && i+1 < len(argv) {
			fmt.Fprint(stderr, argv[i+1])
			i++
			continue
		}
		word, err := syntax.Quote(argv[i], syntax.LangBash)
		if err != nil {
			return []string{"false"}
		}
		rest = append(rest, word)
	}
	line, ok := oneLine(in)
	if !ok {
		return []string{"false"}
	}
	word, err := syntax.Quote(line, syntax.LangBash)
	if err != nil { // a zero byte
		return []string{"false"}
	}
	return []string{"eval", strings.Join(rest, " ") + " <<< " + word}
}

// oneLine reads a line and not a byte more.
func oneLine(in io.Reader) (string, bool) {
	var b strings.Builder
	var p [1]byte
	for in != nil && b.Len() < maxScript {
		n, err := in.Read(p[:])
		if n == 1 {
			if p[0] == '\n' {
				return b.String(), true
			}
			b.WriteByte(p[0])
		}
		if err != nil {
			break
		}
	}
	return b.String(), b.Len() > 0
}

// trap keeps what the interpreter can do: the end of the script. Signals end scripts here,
// whatever they have set.
func trap(argv []string) ([]string, error) {
	if len(argv) < 3 || strings.HasPrefix(argv[1], "-") && argv[1] != "-" {
		return argv, nil
	}
	if !slices.ContainsFunc(argv[2:], func(signal string) bool { return signal == "EXIT" || signal == "0" }) {
		return []string{":"}, nil
	}
	if argv[1] == "-" {
		return []string{"trap", "-", "EXIT"}, nil
	}
	action, err := printed(argv[1])
	return []string{"trap", action, "EXIT"}, err
}
