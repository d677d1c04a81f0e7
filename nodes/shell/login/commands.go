package login

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/expand"
)

// call is one run of a command.
type call struct {
	s    *Session
	name string
	args []string
	streams
	ctx     context.Context
	written *guard.Sink // what out goes to
	memory  guard.Memory
}

// command makes a call of a command line.
func (s *Session) command(ctx context.Context, argv []string, io streams) *call {
	written := &guard.Sink{Ctx: ctx, Meter: &s.process.Meter, To: io.out}
	c := &call{s: s, ctx: ctx, name: path.Base(argv[0]), args: argv[1:], streams: io, written: written, memory: guard.Memory{Process: s.process}}
	c.out = c.written
	return c
}

// program is a command: it returns its exit code.
type command = func(context.Context, *call) int

// commands are what can be run, beside what the interpreter has built in. Programs of
// packages that may be absent stand in [packaged].
var commands map[string]command

// packaged are commands of packages, by the package that brings each.
var packaged = map[string]string{
	"docker": "docker.io", "dockerd": "docker.io", "stress": "stress", "stress-ng": "stress-ng", "htop": "htop", "ufw": "ufw",
	"nslookup": "dnsutils", "dig": "dnsutils", "nmap": "nmap", "netstat": "net-tools", "ifconfig": "net-tools", "tcpdump": "tcpdump",
}

// brought are packaged commands that Ubuntu's image has without our knowing the package.
var brought = map[string]bool{"nslookup": true, "dig": true, "netstat": true, "ifconfig": true, "tcpdump": true}

// paths are the directories in which commands are.
var paths = []string{"/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"}

// lookup finds a command by its name or path.
func (s *Session) lookup(name string) (command, bool) {
	base := path.Base(name)
	if base != name && !slices.Contains(paths, path.Dir(name)) {
		return nil, false
	}
	cmd, ok := commands[base]
	if pkg := packaged[base]; ok && pkg != "" {
		s.do(func(_ time.Time, h *host.Host, _ Runtime) {
			p, known := h.Package(pkg)
			ok = known && p.Installed || !known && brought[base]
		})
	}
	return cmd, ok
}

// do looks at the machine. What f prints comes out when it is over, so that the machine
// does not wait for who reads it.
func (c *call) do(f func(now time.Time, h *host.Host, r Runtime)) bool {
	var printed bytes.Buffer
	out := c.out
	c.out = &printed
	ok := c.s.do(f)
	c.out = out
	_, _ = out.Write(printed.Bytes()) // ends when the reader does
	return ok
}

func (c *call) fail(format string, args ...any) int {
	fmt.Fprintf(c.err, format+"\n", args...)
	return 1
}

func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// problem is what a command says of a file.
func (c *call) problem(what string, err error) int {
	return c.fail("%s: %s: %s", c.name, what, reason(err))
}

func (c *call) root() bool { return c.user == root }

// path is a file's name from the root.
func (c *call) path(name string) string { return absolute(c.dir, name) }

// has says whether one of the options is given, alone or among others: -rf.
func (c *call) has(options string) bool {
	return slices.ContainsFunc(c.args, func(a string) bool {
		return strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.ContainsAny(a[1:], options)
	})
}

func (c *call) long(names ...string) bool {
	return slices.ContainsFunc(c.args, func(a string) bool { return slices.Contains(names, a) })
}

// operands are the arguments that are not options.
func (c *call) operands() []string {
	var out []string
	for i, a := range c.args {
		if a == "--" {
			return append(out, c.args[i+1:]...)
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			out = append(out, a)
		}
	}
	return out
}

// read is a file, or what comes in for the name "-".
func (c *call) read(name string) ([]byte, error) {
	if name == "-" || name == "/dev/stdin" {
		if c.in == nil {
			return nil, nil
		}
		return c.memory.ReadAll(c.ctx, c.in)
	}
	full := c.path(name)
	if _, ok := device(full, nil, nil); ok {
		return nil, nil
	}
	b, err := c.s.read(c.user, full)
	if err == nil {
		err = c.memory.Hold(len(b))
	}
	return b, err
}

// run runs another command in this one's place.
func (c *call) run(ctx context.Context, argv []string) int {
	if c.s.process.Meter.Spend(ctx) != nil {
		return 130
	}
	if guard.Deep() {
		return c.fail("%s: too many levels", c.name)
	}
	return c.s.start(ctx, argv, c.streams)
}

// options reads a command line: letters in withValue take the rest of their word or the
// next one; long names take what is behind "=" or, for those in longValues, the next word.
func options(args []string, withValue string, longValues []string, set func(name, value string)) (operands []string) {
	for i := 0; i < len(args); i++ {
		next := func() string {
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		switch a := args[i]; {
		case a == "--":
			return append(operands, args[i+1:]...)
		case strings.HasPrefix(a, "--"):
			name, value, given := strings.Cut(a[2:], "=")
			if !given && slices.Contains(longValues, name) {
				value = next()
			}
			set(name, value)
		case strings.HasPrefix(a, "-") && len(a) > 1:
			for k := 1; k < len(a); k++ {
				if !strings.Contains(withValue, a[k:k+1]) {
					set(a[k:k+1], "")
					continue
				}
				value := a[k+1:]
				if value == "" {
					value = next()
				}
				set(a[k:k+1], value)
				break
			}
		default:
			operands = append(operands, a)
		}
	}
	return operands
}

func exported(env expand.Environ) (pairs []string) {
	for name, v := range env.Each {
		if v.Exported && v.IsSet() {
			pairs = append(pairs, name+"="+v.String())
		}
	}
	return pairs
}
