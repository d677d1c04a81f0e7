package program

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// call is one run of a command.
type call struct {
	ctx    context.Context
	shell  *shell
	args   []string
	memory guard.Memory
	streams
}

func (c *call) fail(format string, args ...any) int {
	fmt.Fprintf(c.err, format+"\n", args...)
	return 1
}

// operands are the arguments that are not options.
func (c *call) operands() []string {
	return slices.DeleteFunc(slices.Clone(c.args), func(a string) bool { return strings.HasPrefix(a, "-") && a != "-" })
}

// commands are what a container's shell and `kubectl exec` can run, beside what
// the interpreter has built in.
var commands map[string]func(context.Context, *call) int

func init() { // some of the table's functions refer to it
	commands = map[string]func(context.Context, *call) int{
		"cat": cat, "ls": ls, "mkdir": mkdir, "touch": touch, "rm": rm, "cp": cp, "mv": mv, "chmod": nothing, "chown": nothing, "sync": nothing,
		"grep": grep, "head": head, "tail": tail, "wc": wc, "seq": seq, "sort": sortLines, "uniq": uniq, "tee": tee,
		"basename": basename, "dirname": dirname,
		"ps": ps, "env": env, "printenv": env, "hostname": hostname, "id": id, "whoami": whoami, "date": date, "uname": uname,
		"df": df, "free": free, "nproc": nproc, "sleep": sleep, "timeout": timeout, "kill": kill, "which": which, "command": which, "type": which,
		"wget": wget, "curl": curl, "nslookup": nslookup, "nc": nc,
	}
	for name := range builtins {
		commands[name] = nothing // only named: the interpreter runs them
	}
}

func nothing(context.Context, *call) int { return 0 }

// has says whether one of the options is given, alone or among others: -rf.
func (c *call) has(options string) bool {
	return slices.ContainsFunc(c.args, func(a string) bool {
		return strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.ContainsAny(a[1:], options)
	})
}

// path is a file's name from the root.
func (c *call) path(name string) string { return absolute(c.dir, name) }

// problem is what a command says of a file, in the words of a C library.
func (c *call) problem(command, name string, err error) int {
	var e *fs.PathError
	text := "Input/output error"
	if errors.As(err, &e) {
		text = e.Err.Error()
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return c.fail("%s: %s: %s", command, name, text)
}

// read is a file, or what comes in for the name "-".
func (c *call) read(name string) ([]byte, error) {
	if name == "-" || name == "/dev/stdin" {
		return c.memory.ReadAll(c.ctx, c.in)
	}
	if _, ok := deviceFor(name, nil, nil); ok {
		return nil, nil
	}
	b, err := c.shell.disk.read(c.path(name))
	if err == nil {
		err = c.memory.Hold(len(b))
	}
	return b, err
}

func ps(_ context.Context, c *call) int {
	s := c.shell.spec
	command := strings.Join(slices.Concat(s.Command, s.Args), " ")
	if command == "" {
		command = imageName(s.Image)
	}
	fmt.Fprintf(c.out, "PID   USER     TIME  COMMAND\n    1 root      0:00 %s\n   42 root      0:00 ps\n", command)
	return 0
}

// env prints the environment, one variable of it, or runs a command in a changed one.
func env(ctx context.Context, c *call) int {
	var changed []string
	rest := c.args
	for len(rest) > 0 && strings.Contains(rest[0], "=") {
		changed, rest = append(changed, rest[0]), rest[1:]
	}
	if len(rest) == 0 {
		for _, pair := range append(exported(c.env), changed...) {
			fmt.Fprintln(c.out, pair)
		}
		return 0
	}
	if v := c.env.Get(rest[0]); len(changed) == 0 && len(rest) == 1 && v.IsSet() {
		fmt.Fprintln(c.out, v.String()) // printenv NAME
		return 0
	}
	c.env = expand.ListEnviron(append(exported(c.env), changed...)...)
	return c.run(ctx, "env", rest)
}

// run runs another command in place of this one.
func (c *call) run(ctx context.Context, own string, argv []string) int {
	if !c.shell.knows(argv[0]) {
		c.fail("%s: %s: No such file or directory", own, argv[0])
		return 127
	}
	return c.shell.start(ctx, argv, c.streams)
}

func exported(env expand.Environ) (pairs []string) {
	for name, v := range env.Each {
		if v.Exported && v.IsSet() {
			pairs = append(pairs, name+"="+v.String())
		}
	}
	return pairs
}

func hostname(_ context.Context, c *call) int {
	if c.has("i") {
		fmt.Fprintln(c.out, c.shell.spec.PodIP)
		return 0
	}
	fmt.Fprintln(c.out, c.shell.spec.Hostname)
	return 0
}

func id(_ context.Context, c *call) int {
	if c.has("ug") {
		fmt.Fprintln(c.out, 0)
		return 0
	}
	fmt.Fprintln(c.out, "uid=0(root) gid=0(root) groups=0(root)")
	return 0
}

func whoami(_ context.Context, c *call) int {
	fmt.Fprintln(c.out, "root")
	return 0
}

// kernel is what AKS's Ubuntu nodes run.
const kernel = "5.15.0-1084-azure"

func uname(_ context.Context, c *call) int {
	switch {
	case c.has("a"):
		fmt.Fprintf(c.out, "Linux %s %s #93~20.04.1-Ubuntu SMP x86_64 GNU/Linux\n", c.shell.spec.Hostname, kernel)
	case c.has("r"):
		fmt.Fprintln(c.out, kernel)
	case c.has("n"):
		fmt.Fprintln(c.out, c.shell.spec.Hostname)
	case c.has("m"):
		fmt.Fprintln(c.out, "x86_64")
	default:
		fmt.Fprintln(c.out, "Linux")
	}
	return 0
}

func df(_ context.Context, c *call) int {
	fmt.Fprintln(c.out, "Filesystem           1K-blocks      Used Available Use% Mounted on\noverlay              129886128  24576000 105293744  19% /")
	return 0
}

func free(_ context.Context, c *call) int {
	fmt.Fprintln(c.out, "              total        used        free      shared  buff/cache   available\nMem:       16393284     1240068    12482048        2104     2671168    14830160\nSwap:             0           0           0")
	return 0
}

func nproc(_ context.Context, c *call) int {
	fmt.Fprintln(c.out, 4)
	return 0
}

// which also stands for `command -v` and `type`.
func which(_ context.Context, c *call) int {
	code := 0
	for _, name := range c.operands() {
		switch {
		case interp.IsBuiltin(name) && !builtins[name]:
			fmt.Fprintln(c.out, name)
		case !c.shell.knows(name):
			code = 1
		case strings.Contains(name, "/"):
			fmt.Fprintln(c.out, name)
		default:
			fmt.Fprintln(c.out, "/bin/"+name)
		}
	}
	return code
}
