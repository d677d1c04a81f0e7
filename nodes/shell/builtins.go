package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/interp"
)

// changed are the interpreter's own commands that [Shell.call] changes, beside those that
// the system has commands of its own for.
var changed = guard.Changed("kill", "type", "command", "builtin", "pwd", "test", "[", "trap", "eval", ".", "source", "cd", "logout")

// call sees every command of a script before it runs: it counts it, and turns those of the
// interpreter's own commands that would ask its host, or that this shell does differently,
// into ours.
func (s *Shell) call(ctx context.Context, from Streams, argv []string) ([]string, error) {
	argv = s.direct(argv)
	if err := s.process.Call(ctx, argv); err != nil {
		return nil, err
	}
	h := interp.HandlerCtx(ctx)
	switch argv[0] {
	case "read", "mapfile", "readarray":
		if argv[0] == "read" {
			argv = prompted(argv, h.Stderr)
		}
		if h.Stdin == nil {
			h.Stdin = s.input(h, from)
		}
	}
	if other, ok := s.process.Builtin(h, argv); ok {
		return other, nil
	}
	if slices.Contains(s.Shadowed, argv[0]) {
		return ours(argv), nil
	}
	switch argv[0] {
	case "kill", "type":
		return ours(argv), nil
	case "logout":
		return append([]string{"exit"}, argv[1:]...), nil
	case "command":
		if len(argv) > 1 && (argv[1] == "-v" || argv[1] == "-V") {
			return ours(append([]string{"type"}, argv[1:]...)), nil
		}
	case "pwd": // there are no links to follow
		return argv[:1], nil
	case "test", "[": // who may write is what decides whose a file is
		out := slices.Clone(argv)
		for i, a := range out {
			if a == "-O" || a == "-G" {
				out[i] = "-w"
			}
		}
		return out, nil
	case "trap":
		return s.trap(ctx, argv)
	case "cd":
		return s.enter(from.User, h, argv), nil
	case "eval":
		return s.eval(ctx, strings.Join(argv[1:], " "), h.Stderr), nil
	case ".", "source":
		if len(argv) < 2 {
			fmt.Fprintf(h.Stderr, "%s: %s: filename argument required\n", s.name(), argv[0])
			return []string{"false"}, nil
		}
		b, err := s.Read(from.User, Absolute(h.Dir, argv[1]))
		switch {
		case err == nil:
			return s.eval(ctx, string(b), h.Stderr), nil
		case errors.Is(err, fs.ErrNotExist) && s.hides(argv[1]):
			s.sourced.Store(true)
			return s.eval(ctx, "set +u", h.Stderr), nil // and any variable
		case s.GNU:
			fmt.Fprintf(h.Stderr, "bash: %s: %s\n", argv[1], Reason(err))
		default:
			fmt.Fprintf(h.Stderr, "sh: %d: .: cannot open %s: No such file\n", h.Pos.Line(), argv[1])
		}
		return []string{"false"}, nil
	}
	return argv, nil
}

// hides says whether a file that is not there may be of the system.
func (s *Shell) hides(file string) bool {
	return s.Hidden != nil && path.IsAbs(file) && s.Hidden(path.Clean(file))
}

// direct takes away the words in front of a command by which it would get past
// [Shell.call].
func (s *Shell) direct(argv []string) []string {
	for len(argv) > 1 && (argv[0] == "builtin" || argv[0] == "command") {
		rest := argv[1:]
		if argv[0] == "command" && rest[0] == "-p" && len(rest) > 1 {
			rest = rest[1:]
		}
		if !changed[rest[0]] && !slices.Contains(s.Shadowed, rest[0]) {
			break
		}
		argv = rest
	}
	return argv
}

// ours names the system's command of the same name, by a path that is not built in.
func ours(argv []string) []string { return append([]string{"/bin/" + argv[0]}, argv[1:]...) }

// prompted is read without its prompt, which it prints.
func prompted(argv []string, stderr io.Writer) []string {
	out := argv[:1:1]
	for i := 1; i < len(argv); i++ {
		if argv[i] == "-p" && i+1 < len(argv) {
			fmt.Fprint(stderr, argv[i+1])
			i++
			continue
		}
		out = append(out, argv[i])
	}
	return out
}

// enter is cd, with the shell's words for what it cannot enter.
func (s *Shell) enter(user string, h interp.HandlerContext, argv []string) []string {
	if len(argv) == 3 && argv[1] == "--" {
		argv = []string{"cd", argv[2]}
	}
	if len(argv) > 2 {
		fmt.Fprintf(h.Stderr, "%s: cd: too many arguments\n", s.name())
		return []string{"false"}
	}
	if len(argv) == 1 {
		argv = []string{"cd", h.Env.Get("HOME").String()}
	}
	if argv[1] == "-" || argv[1] == "" {
		return argv
	}
	full := Absolute(h.Dir, argv[1])
	f, err := s.Stat(full)
	text := ""
	switch {
	case err != nil:
		text = Reason(err)
	case !f.Dir:
		text = "Not a directory"
	case s.Access(user, full, interp.AccessRead) != nil:
		text = "Permission denied"
	default:
		return []string{"cd", path.Clean(argv[1])}
	}
	fmt.Fprintf(h.Stderr, "%s: cd: %s: %s\n", s.name(), argv[1], text)
	return []string{"false"}
}

// eval is the command that runs a script in the shell that is running.
func (s *Shell) eval(ctx context.Context, script string, stderr io.Writer) []string {
	text, err := s.process.Safely(ctx, script)
	if err != nil {
		s.complain(stderr, err)
		return []string{"false"}
	}
	return []string{"eval", text}
}

// trap keeps what the interpreter can do: the end of the script. Signals end scripts here,
// whatever they have set.
func (s *Shell) trap(ctx context.Context, argv []string) ([]string, error) {
	if len(argv) < 3 || strings.HasPrefix(argv[1], "-") && argv[1] != "-" {
		return argv, nil
	}
	if !slices.ContainsFunc(argv[2:], func(signal string) bool { return signal == "EXIT" || signal == "0" }) {
		return []string{":"}, nil
	}
	if argv[1] == "-" {
		return []string{"trap", "-", "EXIT"}, nil
	}
	action, err := s.process.Safely(ctx, argv[1])
	return []string{"trap", action, "EXIT"}, err
}

// complain prints what is wrong with a script.
func (s *Shell) complain(w io.Writer, err error) {
	if e, ok := errors.AsType[*guard.Error](err); ok {
		err = &problem{gnu: s.GNU, line: int(e.At.Line()), text: e.Error()}
	}
	fmt.Fprintf(w, "%s: %v\n", s.name(), err)
}
