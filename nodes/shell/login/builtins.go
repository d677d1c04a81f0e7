package login

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"demarc/nodes/program"
	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/interp"
)

// call sees every command of a script before it runs: it counts it, and turns those of the
// interpreter's own commands that would ask its host, or that bash does differently, into ours.
func (s *Session) call(ctx context.Context, from streams, argv []string) ([]string, error) {
	argv = program.Direct(argv, changed)
	if err := s.process.Call(ctx, argv); err != nil {
		return nil, err
	}
	h := interp.HandlerCtx(ctx)
	if argv[0] == "read" {
		argv = prompted(argv, h.Stderr)
		if h.Stdin == nil { // what comes in to the session
			h.Stdin = cmp.Or(from.in, s.in)
		}
	}
	if other, ok := s.process.Builtin(h, argv); ok {
		return other, nil
	}
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
	case "trap":
		return s.trap(ctx, argv)
	case "cd":
		return s.enter(from.user, h, argv), nil
	case "eval":
		return s.eval(ctx, strings.Join(argv[1:], " "), h.Stderr), nil
	case ".", "source":
		if len(argv) < 2 {
			fmt.Fprintf(h.Stderr, "bash: %s: filename argument required\n", argv[0])
			return []string{"false"}, nil
		}
		b, err := s.read(from.user, absolute(h.Dir, argv[1]))
		if err == nil {
			return s.eval(ctx, string(b), h.Stderr), nil
		}
		fmt.Fprintf(h.Stderr, "bash: %s: %s\n", argv[1], reason(err))
		return []string{"false"}, nil
	}
	return argv, nil
}

// changed are the interpreter's own commands that call changes.
var changed = guard.Changed("kill", "type", "echo", "command", "builtin", "pwd", "test", "[", "trap", "eval", ".", "source", "cd",
	"hash", "help", "wait", "umask", "ulimit", "jobs", "fg", "bg", "history", "logout", "disown")

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
func (s *Session) eval(ctx context.Context, script string, stderr io.Writer) []string {
	text, err := s.process.Safely(ctx, script)
	if err != nil {
		s.complain(stderr, err)
		return []string{"false"}
	}
	return []string{"eval", text}
}

// trap keeps what the interpreter can do: the end of the script. Signals end scripts here,
// whatever they have set.
func (s *Session) trap(ctx context.Context, argv []string) ([]string, error) {
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
