package program

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
)

// call is one run of a command.
type call struct {
	shell    *shell
	args     []string
	env      expand.Environ
	in       io.Reader
	out, err io.Writer
}

func (c *call) fail(format string, args ...any) int {
	fmt.Fprintf(c.err, format+"\n", args...)
	return 1
}

// operands are the arguments that are not options.
func (c *call) operands() []string {
	return slices.DeleteFunc(slices.Clone(c.args), func(a string) bool { return strings.HasPrefix(a, "-") && a != "-" })
}

// commands are what a container's shell and `kubectl exec` can run. Those that
// the shell has built in (echo, test, printf, …) are here for exec.
var commands map[string]func(context.Context, *call) int

func init() { // the table's own functions refer to it
	commands = map[string]func(context.Context, *call) int{
		"cat": cat, "ls": ls, "ps": ps, "env": env, "printenv": env, "hostname": hostname, "id": id, "whoami": whoami,
		"date": date, "sleep": sleep, "uname": uname, "df": df, "free": free, "mkdir": mkdir, "touch": touch, "rm": rm,
		"grep": grep, "head": head, "tail": tail, "wc": wc, "seq": seq,
		"echo": builtin, "true": builtin, "false": builtin, "pwd": builtin, "printf": builtin, "test": builtin, "[": builtin,
	}
}

// builtin is only named: the interpreter runs these itself.
func builtin(context.Context, *call) int { return 0 }

func cat(_ context.Context, c *call) int {
	if len(c.operands()) == 0 {
		_, _ = io.Copy(c.out, c.in) // ends when either side does
		return 0
	}
	code := 0
	for _, name := range c.operands() {
		b, err := c.shell.files.read(name)
		if err != nil {
			code = c.fail("cat: can't open '%s': No such file or directory", name)
			continue
		}
		_, _ = c.out.Write(b)
	}
	return code
}

func ls(_ context.Context, c *call) int {
	names := c.operands()
	if len(names) == 0 {
		names = []string{"/"}
	}
	for _, name := range names {
		if info, err := c.shell.files.stat(name); err == nil && !info.IsDir() {
			fmt.Fprintln(c.out, name)
			continue
		}
		entries, err := c.shell.files.list(name)
		if err != nil {
			return c.fail("ls: %s: No such file or directory", name)
		}
		for _, e := range entries {
			fmt.Fprintln(c.out, e.Name())
		}
	}
	return 0
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

func env(_ context.Context, c *call) int {
	if len(c.args) > 0 {
		v := c.env.Get(c.args[0])
		if !v.IsSet() {
			return 1
		}
		fmt.Fprintln(c.out, v.String())
		return 0
	}
	c.env.Each(func(name string, v expand.Variable) bool {
		if v.Exported {
			fmt.Fprintf(c.out, "%s=%s\n", name, v.String())
		}
		return true
	})
	return 0
}

func hostname(_ context.Context, c *call) int {
	if slices.Contains(c.args, "-i") {
		fmt.Fprintln(c.out, c.shell.spec.PodIP)
		return 0
	}
	fmt.Fprintln(c.out, c.shell.spec.Hostname)
	return 0
}

func id(_ context.Context, c *call) int {
	fmt.Fprintln(c.out, "uid=0(root) gid=0(root) groups=0(root)")
	return 0
}

func whoami(_ context.Context, c *call) int {
	fmt.Fprintln(c.out, "root")
	return 0
}

func date(_ context.Context, c *call) int {
	fmt.Fprintln(c.out, time.Now().UTC().Format(time.UnixDate))
	return 0
}

func sleep(ctx context.Context, c *call) int {
	for _, a := range c.args {
		d, err := parseSleep(a)
		if a == "infinity" || a == "inf" {
			<-ctx.Done()
			return 143
		}
		if err != nil {
			return c.fail("%v", err)
		}
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return 143
		}
	}
	return 0
}

func uname(_ context.Context, c *call) int {
	if slices.Contains(c.args, "-a") {
		fmt.Fprintf(c.out, "Linux %s 5.15.0-1084-azure #93~20.04.1-Ubuntu SMP x86_64 GNU/Linux\n", c.shell.spec.Hostname)
		return 0
	}
	if slices.Contains(c.args, "-r") {
		fmt.Fprintln(c.out, "5.15.0-1084-azure")
		return 0
	}
	fmt.Fprintln(c.out, "Linux")
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

func mkdir(_ context.Context, c *call) int {
	for _, name := range c.operands() {
		c.shell.files.mkdir(name)
	}
	return 0
}

func touch(_ context.Context, c *call) int {
	for _, name := range c.operands() {
		b, _ := c.shell.files.read(name) // a missing file is made empty
		if err := c.shell.files.write(name, b); err != nil {
			return c.fail("touch: %s: No such file or directory", name)
		}
	}
	return 0
}

func rm(_ context.Context, c *call) int {
	force := slices.ContainsFunc(c.args, func(a string) bool { return strings.HasPrefix(a, "-") && strings.Contains(a, "f") })
	for _, name := range c.operands() {
		if !c.shell.files.remove(name) && !force {
			return c.fail("rm: can't remove '%s': No such file or directory", name)
		}
	}
	return 0
}

// input is what a filter reads: the files named, or its standard input.
func (c *call) input(names []string) (io.Reader, int) {
	if len(names) == 0 {
		return c.in, 0
	}
	var all []io.Reader
	for _, name := range names {
		b, err := c.shell.files.read(name)
		if err != nil {
			return nil, c.fail("%s: No such file or directory", name)
		}
		all = append(all, strings.NewReader(string(b)))
	}
	return io.MultiReader(all...), 0
}

func (c *call) lines(names []string) ([]string, int) {
	in, code := c.input(names)
	if code != 0 {
		return nil, code
	}
	var out []string
	for s := bufio.NewScanner(in); s.Scan(); {
		out = append(out, s.Text())
	}
	return out, 0
}

func grep(_ context.Context, c *call) int {
	ops := c.operands()
	if len(ops) == 0 {
		return c.fail("usage: grep PATTERN [FILE]...")
	}
	lines, code := c.lines(ops[1:])
	if code != 0 {
		return 2
	}
	invert, found := slices.Contains(c.args, "-v"), false
	for _, l := range lines {
		if strings.Contains(l, ops[0]) != invert {
			found = true
			if !slices.Contains(c.args, "-q") {
				fmt.Fprintln(c.out, l)
			}
		}
	}
	if !found {
		return 1
	}
	return 0
}

// count reads -n N or -N and returns the other operands.
func (c *call) count(fallback int) (int, []string) {
	n, rest := fallback, []string{}
	for i := 0; i < len(c.args); i++ {
		a := c.args[i]
		if a == "-n" && i+1 < len(c.args) {
			i++
			a = "-" + c.args[i]
		}
		if k, err := strconv.Atoi(strings.TrimPrefix(a, "-n")); err == nil && strings.HasPrefix(a, "-") {
			n = max(k, -k)
		} else if !strings.HasPrefix(a, "-") {
			rest = append(rest, a)
		}
	}
	return n, rest
}

func head(_ context.Context, c *call) int {
	n, names := c.count(10)
	lines, code := c.lines(names)
	for _, l := range lines[:min(n, len(lines))] {
		fmt.Fprintln(c.out, l)
	}
	return code
}

func tail(ctx context.Context, c *call) int {
	if slices.Contains(c.args, "-f") {
		<-ctx.Done()
		return 143
	}
	n, names := c.count(10)
	lines, code := c.lines(names)
	for _, l := range lines[max(0, len(lines)-n):] {
		fmt.Fprintln(c.out, l)
	}
	return code
}

func wc(_ context.Context, c *call) int {
	in, code := c.input(c.operands())
	if code != 0 {
		return code
	}
	b, _ := io.ReadAll(in) // memory does not fail
	counts := map[string]int{"-l": strings.Count(string(b), "\n"), "-w": len(strings.Fields(string(b))), "-c": len(b)}
	var shown []string
	for _, o := range []string{"-l", "-w", "-c"} {
		if len(c.args) == 0 || slices.Contains(c.args, o) {
			shown = append(shown, strconv.Itoa(counts[o]))
		}
	}
	fmt.Fprintln(c.out, strings.Join(shown, " "))
	return 0
}

// maxSeq bounds seq: a container's output is kept in memory.
const maxSeq = 100_000

func seq(_ context.Context, c *call) int {
	first, last := 1, 0
	var err error
	switch ops := c.args; len(ops) {
	case 1:
		last, err = strconv.Atoi(ops[0])
	case 2:
		if first, err = strconv.Atoi(ops[0]); err == nil {
			last, err = strconv.Atoi(ops[1])
		}
	default:
		return c.fail("usage: seq [FIRST] LAST")
	}
	if err != nil || last-first > maxSeq {
		return c.fail("seq: invalid number")
	}
	for i := first; i <= last; i++ {
		fmt.Fprintln(c.out, i)
	}
	return 0
}
