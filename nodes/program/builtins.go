package program

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/interp"
)

// builtins are commands of the interpreter's own that images have as programs too.
var builtins = map[string]bool{"echo": true, "true": true, "false": true, "pwd": true, "printf": true, "test": true, "[": true}

// call sees every command of a script before it runs: it counts it, and turns
// those of the interpreter's own commands that would ask the host into ours.
func (s *shell) call(ctx context.Context, argv []string) ([]string, error) {
	argv = Direct(argv, changed)
	if err := s.process.Call(ctx, argv); err != nil {
		return nil, err
	}
	h := interp.HandlerCtx(ctx)
	if other, ok := s.process.Builtin(h, argv); ok {
		return other, nil
	}
	switch argv[0] {
	case "kill", "type":
		return Ours(argv), nil
	case "command":
		if len(argv) > 1 && (argv[1] == "-v" || argv[1] == "-V") {
			return Ours(argv), nil
		}
	case "pwd": // there are no links to follow
		return argv[:1], nil
	case "test", "[": // every file is root's
		return Replaced(argv, map[string]string{"-O": "-e", "-G": "-e"}), nil
	case "trap":
		return s.trap(ctx, argv)
	case "eval":
		return s.eval(ctx, strings.Join(argv[1:], " "), h.Stderr), nil
	case ".", "source":
		if len(argv) > 1 {
			b, err := s.disk.read(absolute(h.Dir, argv[1]))
			if err == nil {
				return s.eval(ctx, string(b), h.Stderr), nil
			}
			fmt.Fprintf(h.Stderr, "sh: %d: .: cannot open %s: No such file\n", h.Pos.Line(), argv[1])
			return []string{"false"}, nil
		}
	}
	return argv, nil
}

// changed are the interpreter's own commands that call changes.
var changed = guard.Changed("kill", "type", "command", "builtin", "pwd", "test", "[", "trap", "eval", ".", "source")

// Direct takes away the words in front of a command by which it would get past
// whoever changes the interpreter's own commands given.
func Direct(argv []string, changed map[string]bool) []string {
	for len(argv) > 1 && (argv[0] == "builtin" || argv[0] == "command") {
		rest := argv[1:]
		if argv[0] == "command" && rest[0] == "-p" && len(rest) > 1 {
			rest = rest[1:]
		}
		if !changed[rest[0]] {
			break
		}
		argv = rest
	}
	return argv
}

// Ours names the command of the same name in [commands], by a path that is not
// built in.
func Ours(argv []string) []string { return append([]string{"/bin/" + argv[0]}, argv[1:]...) }

// Replaced is a command with other words in place of some.
func Replaced(argv []string, by map[string]string) []string {
	out := slices.Clone(argv)
	for i, a := range out {
		if b, ok := by[a]; ok {
			out[i] = b
		}
	}
	return out
}

// eval is the command that runs a script in the shell that is running.
func (s *shell) eval(ctx context.Context, script string, stderr io.Writer) []string {
	text, err := s.process.Safely(ctx, script)
	if err != nil {
		fmt.Fprintln(stderr, made(err))
		return []string{"false"}
	}
	return []string{"eval", text}
}

// trap keeps what the interpreter can do: the end of the script. Signals end
// scripts here, whatever they have set.
func (s *shell) trap(ctx context.Context, argv []string) ([]string, error) {
	if len(argv) < 3 || strings.HasPrefix(argv[1], "-") && argv[1] != "-" {
		return argv, nil
	}
	if !slices.ContainsFunc(argv[2:], func(signal string) bool { return signal == "EXIT" || signal == "0" }) {
		return []string{":"}, nil
	}
	action, err := s.process.Safely(ctx, argv[1])
	if argv[1] == "-" {
		action, err = "-", nil
	}
	return []string{"trap", action, "EXIT"}, err
}
