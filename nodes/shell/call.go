package shell

import (
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/expand"
)

// Call is one run of a command.
type Call struct {
	Streams
	Ctx   context.Context
	Shell *Shell
	Name  string
	Args  []string

	sink   *guard.Sink // what Out goes to
	memory guard.Memory
}

// Command is a program: it returns its exit code.
type Command = func(context.Context, *Call) int

// Nothing is a command that succeeds without doing anything.
func Nothing(context.Context, *Call) int { return 0 }

// newCall makes a call of a command line, whose output is paid for.
func (s *Shell) newCall(ctx context.Context, argv []string, io Streams) *Call {
	sink := &guard.Sink{Ctx: ctx, Meter: &s.Process().Meter, To: io.Out}
	io.Out = sink
	return &Call{Streams: io, Ctx: ctx, Shell: s, Name: path.Base(argv[0]), Args: argv[1:], sink: sink, memory: guard.Memory{Process: s.process}}
}

// Paths are the directories in which commands are.
var Paths = []string{"/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"}

// lookup finds a command by its name or path. One that is elsewhere the system has by its
// whole path, or not at all.
func (s *Shell) lookup(name string) Command {
	base := path.Base(name)
	if base != name && !slices.Contains(Paths, path.Dir(name)) {
		return s.Command(name)
	}
	return s.Command(base)
}

// Knows says whether a command can be run by its name or path.
func (s *Shell) Knows(io Streams, name string) bool {
	if s.lookup(name) != nil {
		return true
	}
	if !strings.Contains(name, "/") {
		return false
	}
	b, err := s.Read(io.User, Absolute(io.Dir, name))
	return err == nil && (s.GNU || strings.HasPrefix(string(b), "#!"))
}

// busy puts what GNU's commands say in the words of BusyBox.
var busy = strings.NewReplacer("cannot ", "can't ", "‘", "'", "’", "'")

// Fail prints what is wrong, and returns the exit code 1.
func (c *Call) Fail(format string, args ...any) int {
	text := fmt.Sprintf(format, args...)
	if !c.Shell.GNU {
		text, _, _ = strings.Cut(busy.Replace(text), "\nTry '")
	}
	fmt.Fprintln(c.Err, text)
	return 1
}

// Quit prints what is wrong, and returns an exit code.
func (c *Call) Quit(code int, format string, args ...any) int {
	c.Fail(format, args...)
	return code
}

// say chooses between the words of GNU and of BusyBox.
func (c *Call) say(gnu, busyBox string) string {
	if c.Shell.GNU {
		return gnu
	}
	return busyBox
}

// Printf prints what a command has to show.
func (c *Call) Printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

// Done prints what a command has to show, and returns the exit code 0.
func (c *Call) Done(format string, args ...any) int {
	c.Printf(format, args...)
	return 0
}

// Print prints lines.
func (c *Call) Print(lines []string) {
	for _, l := range lines {
		if _, err := io.WriteString(c.Out, l+"\n"); err != nil {
			return // the reader has ended
		}
	}
}

// Stopped says that nobody reads what the command prints any more, or pays for it.
func (c *Call) Stopped() bool { return c.sink.Err != nil }

// Problem is what a command says of a file.
func (c *Call) Problem(what string, err error) int {
	return c.Fail("%s: %s: %s", c.Name, what, Reason(err))
}

// Root says whether the command may do everything.
func (c *Call) Root() bool { return c.User == Root }

// Path is a file's name from the root.
func (c *Call) Path(name string) string { return Absolute(c.Dir, name) }

// Stat is what is known of a file.
func (c *Call) Stat(name string) (File, error) { return c.Shell.Stat(c.Path(name)) }

// inputs are the operands, or "-" for what comes in.
func inputs(names []string) []string {
	if len(names) == 0 {
		return []string{"-"}
	}
	return names
}

// readPrice is how many bytes of a file may be read for the price of a command.
const readPrice = 4 << 10

// Read is a file, or what comes in for the name "-". Its memory is held.
func (c *Call) Read(name string) ([]byte, error) {
	if name == "-" || name == "/dev/stdin" {
		if c.In == nil {
			return nil, nil
		}
		return c.memory.ReadAll(c.Ctx, c.In)
	}
	if _, ok := deviceOf(c.Path(name), nil, nil); ok {
		return nil, nil
	}
	b, err := c.Shell.Read(c.User, c.Path(name))
	if err == nil {
		err = c.memory.Hold(len(b))
	}
	if err == nil {
		err = c.Shell.process.Meter.SpendAll(c.Ctx, float64(len(b)/readPrice))
	}
	return b, err
}

// readLines are the lines of a file, or of what comes in. Their memory is held.
func (c *Call) readLines(name string) ([]string, error) {
	b, err := c.Read(name)
	if err == nil {
		err = c.memory.HoldLines(b)
	}
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"), nil
}

// holdFields takes the memory of a line's fields, until it is given back.
func (c *Call) holdFields(line string) (release func(), err error) {
	return c.Shell.process.Hold(16 * int64(len(line)+1))
}

// match pays for looking for an expression in lines.
func (c *Call) match(re *regexp.Regexp, lines []string) error {
	size := 0
	for _, l := range lines {
		size += len(l) + 1
	}
	return c.Shell.process.Meter.Match(c.Ctx, re, size)
}

// Lines are the lines of the files named, or of what comes in. Files that cannot be read
// are complained about.
func (c *Call) Lines(names []string) (out []string, code int) {
	for _, name := range inputs(names) {
		lines, err := c.readLines(name)
		if err != nil {
			code = c.Problem(name, err)
			continue
		}
		out = append(out, lines...)
	}
	return out, code
}

// Run runs another command in this one's place.
func (c *Call) Run(ctx context.Context, argv []string) int {
	switch {
	case c.Shell.process.Meter.Spend(ctx) != nil:
		return c.Shell.Interrupted()
	case guard.Deep():
		return c.Fail("%s: maximum nesting level exceeded", c.Name)
	case !c.Shell.Knows(c.Streams, argv[0]):
		return c.Quit(127, "%s: %s: No such file or directory", c.Name, argv[0])
	}
	return c.Shell.Start(ctx, argv, c.Streams)
}

// Exported are the variables that a command gets.
func Exported(env expand.Environ) (pairs []string) {
	for name, v := range env.Each {
		if v.Exported && v.IsSet() {
			pairs = append(pairs, name+"="+v.String())
		}
	}
	return pairs
}
