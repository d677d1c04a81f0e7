package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/clock"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

func nothing(context.Context, *Call) int { return 0 }

func no(context.Context, *Call) int { return 1 }

// maxSleep bounds one wait of a node's session.
const maxSleep = time.Hour

func sleep(ctx context.Context, c *Call) int {
	if len(c.Args) == 0 {
		return c.Fail("sleep: missing operand\nTry 'sleep --help' for more information.")
	}
	var all time.Duration
	for _, a := range c.Args {
		d, ok := Span(a)
		if a == "infinity" || a == "inf" {
			d, ok = MaxSpan, true
		}
		if !ok {
			return c.Fail(c.say("sleep: invalid time interval ‘%s’\nTry 'sleep --help' for more information.", "sleep: invalid number '%s'"), a)
		}
		all = min(all+d, MaxSpan)
	}
	if c.Shell.GNU {
		all = min(all, maxSleep)
	}
	if !clock.Sleep(ctx, all) {
		return c.Shell.Interrupted()
	}
	return 0
}

// MaxSpan is for ever.
const MaxSpan = 100 * 365 * 24 * time.Hour

// Span reads the durations of sleep, timeout and stress: 5, 0.5, 2m.
func Span(s string) (time.Duration, bool) {
	unit := time.Second
	if n := len(s); n > 0 {
		if u, ok := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[n-1]]; ok {
			unit, s = u, s[:n-1]
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0) {
		return 0, false
	}
	return time.Duration(min(f*float64(unit), float64(MaxSpan))), true
}

// timeout runs a command and ends it after some time.
func timeout(ctx context.Context, c *Call) int {
	wrong, late := 125, 124
	if !c.Shell.GNU {
		wrong, late = 1, c.Shell.Interrupted()
	}
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-s" || args[0] == "-k" {
			args = args[1:] // and their value
		}
		args = args[min(1, len(args)):]
	}
	if len(args) < 2 {
		c.Fail("%s", c.say("timeout: missing operand\nTry 'timeout --help' for more information.", "usage: timeout SECS COMMAND [ARG]..."))
		return wrong
	}
	d, ok := Span(args[0])
	if !ok {
		c.Fail(c.say("timeout: invalid time interval ‘%s’", "timeout: invalid number '%s'"), args[0])
		return wrong
	}
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	code := c.Run(limited, args[1:])
	if limited.Err() != nil && ctx.Err() == nil {
		return late
	}
	return code
}

// wrapped runs another command: nohup, nice, time, stdbuf, setsid, watch (once).
func wrapped(ctx context.Context, c *Call) int {
	rest := Options(until(c.Args), "nios", nil, func(string, string) {})
	rest = append(rest, c.Args[len(until(c.Args)):]...)
	if len(rest) == 0 {
		return c.Fail("%s: missing operand\nTry '%s --help' for more information.", c.Name, c.Name)
	}
	if c.Name == "watch" {
		c.Printf("Every 2.0s: %s\n\n", strings.Join(rest, " "))
		return c.Shell.Script(ctx, strings.Join(rest, " "), []string{"sh"}, c.Streams)
	}
	return c.Run(ctx, rest)
}

// until are the arguments before the command that is wrapped.
func until(args []string) []string {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-n" || a == "-i" || a == "-o":
			i++
		case !strings.HasPrefix(a, "-"):
			return args[:i]
		}
	}
	return args
}

// which also stands for type and command -v.
func which(_ context.Context, c *Call) int {
	code := 0
	dir := c.say("/usr/bin/", "/bin/")
	words := c.Name == "type" && !c.Has("v")
	for _, name := range c.Operands() {
		builtin := c.Name != "which" && interp.IsBuiltin(name)
		switch {
		case builtin && words:
			c.Printf("%s is a shell builtin\n", name)
		case builtin:
			c.Printf("%s\n", name)
		case !c.Shell.Knows(c.Streams, name):
			code = 1
			if words {
				c.Fail("%s: type: %s: not found", c.Shell.name(), name)
			}
		case strings.Contains(name, "/"):
			c.Printf("%s\n", name)
		case words:
			c.Printf("%s is %s%s\n", name, dir, name)
		default:
			c.Printf("%s%s\n", dir, name)
		}
	}
	return code
}

func nproc(_ context.Context, c *Call) int {
	c.Printf("4\n")
	return 0
}

// readlink is the name itself: there are no links.
func readlink(_ context.Context, c *Call) int {
	for _, name := range c.Operands() {
		c.Printf("%s\n", c.Path(name))
	}
	return 0
}

// builtin runs one of the interpreter's own commands in a shell of its own.
func builtin(ctx context.Context, c *Call) int {
	text, err := Quoted(append([]string{c.Name}, c.Args...))
	if err != nil {
		return c.Fail("%s: %v", c.Name, err)
	}
	return c.Shell.Script(ctx, text, nil, c.Streams)
}

// sh is a shell: with -c, with a file, or with what comes in.
func sh(ctx context.Context, c *Call) int {
	rest := c.Args
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") && rest[0] != "-" {
		if a := rest[0]; !strings.HasPrefix(a, "--") && strings.Contains(a, "c") {
			if len(rest) == 1 {
				c.Fail("%s", c.say("bash: -c: option requires an argument", "sh: 0: -c requires an argument"))
				return 2
			}
			return c.Shell.Script(ctx, rest[1], append([]string{c.Shell.name()}, rest[min(3, len(rest)):]...), c.Streams)
		}
		rest = rest[1:]
	}
	if len(rest) == 0 || rest[0] == "-" {
		return c.Shell.Interactive(ctx, c.Streams)
	}
	b, err := c.Read(rest[0])
	switch {
	case err == nil:
		return c.Shell.Script(ctx, string(b), rest, c.Streams)
	case c.Shell.GNU:
		c.Fail("bash: %s: %s", rest[0], Reason(err))
		return 127
	}
	c.Fail("sh: 0: cannot open %s: No such file", rest[0])
	return 2
}

func id(_ context.Context, c *Call) int {
	user := c.User
	if names := c.Operands(); len(names) > 0 {
		user = names[0]
	}
	if !slices.Contains(Accounts, user) {
		return c.Fail("id: ‘%s’: no such user", user)
	}
	switch n := c.Shell.UID(user); {
	case c.Has("n"):
		c.Printf("%s\n", user)
	case c.Has("ug"):
		c.Printf("%d\n", n)
	case user == Root:
		c.Printf("uid=0(root) gid=0(root) groups=0(root)\n")
	default:
		c.Printf("uid=%d(%s) gid=%d(%s) groups=%d(%s),4(adm),27(sudo)\n", n, user, n, user, n, user)
	}
	return 0
}

func whoami(_ context.Context, c *Call) int {
	c.Printf("%s\n", c.User)
	return 0
}

func env(ctx context.Context, c *Call) int {
	var changed []string
	rest := c.Args
	for len(rest) > 0 && (strings.Contains(rest[0], "=") || strings.HasPrefix(rest[0], "-")) {
		if !strings.HasPrefix(rest[0], "-") {
			changed = append(changed, rest[0])
		}
		rest = rest[1:]
	}
	if c.Name == "printenv" && len(rest) > 0 {
		v := c.Env.Get(rest[0])
		if !v.IsSet() || !v.Exported {
			return 1
		}
		c.Printf("%s\n", v.String())
		return 0
	}
	if len(rest) == 0 {
		for _, pair := range append(Exported(c.Env), changed...) {
			fmt.Fprintln(c.Out, pair)
		}
		return 0
	}
	c.Env = expand.ListEnviron(append(Exported(c.Env), changed...)...)
	return c.Run(ctx, rest)
}

// Accounts are the users that a system has.
var Accounts = []string{Root, "azureuser", "support", "nobody", "daemon", "syslog", "messagebus"}
