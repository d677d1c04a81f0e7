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
	args := c.Options("+s,signal= k,kill-after=").Operands
	if len(args) < 2 {
		return c.Quit(wrong, "%s", c.say("timeout: missing operand\nTry 'timeout --help' for more information.", "usage: timeout SECS COMMAND [ARG]..."))
	}
	d, ok := Span(args[0])
	if !ok {
		return c.Quit(wrong, c.say("timeout: invalid time interval ‘%s’", "timeout: invalid number '%s'"), args[0])
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
	rest := c.Options("+n= i= o= s=").Operands
	if len(rest) == 0 {
		return c.Fail("%s: missing operand\nTry '%s --help' for more information.", c.Name, c.Name)
	}
	if c.Name == "watch" {
		c.Printf("Every 2.0s: %s\n\n", strings.Join(rest, " "))
		return c.Shell.Script(ctx, strings.Join(rest, " "), []string{"sh"}, c.Streams)
	}
	return c.Run(ctx, rest)
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

func nproc(_ context.Context, c *Call) int { return c.Done("4\n") }

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

// sh is a shell: with -c, with a file, or with what comes in. Of the options that set takes
// it knows those that change how a script runs.
func sh(ctx context.Context, c *Call) int {
	rest, set, command := c.Args, "", false
	for len(rest) > 0 && len(rest[0]) > 1 && (rest[0][0] == '-' || rest[0][0] == '+') {
		a := rest[0]
		rest = rest[1:]
		if a == "--" {
			break
		}
		if strings.HasPrefix(a, "--") {
			continue // bash's: --login, --norc
		}
		command = command || a[0] == '-' && strings.Contains(a, "c")
		for _, o := range a[1:] {
			switch {
			case strings.ContainsRune("eufnx", o):
				set += "set " + a[:1] + string(o) + "; "
			case o == 'o' && len(rest) > 0:
				set += "set " + a[:1] + "o " + rest[0] + "; "
				rest = rest[1:]
			}
		}
	}
	switch {
	case command && len(rest) == 0:
		return c.Quit(2, "%s", c.say("bash: -c: option requires an argument", "sh: 0: -c requires an argument"))
	case command:
		args := rest[1:] // the first is $0
		if len(args) == 0 {
			args = []string{c.Shell.name()}
		}
		return c.Shell.Script(ctx, set+rest[0], args, c.Streams)
	case len(rest) == 0 || rest[0] == "-":
		return c.Shell.Interactive(ctx, c.Streams)
	}
	b, err := c.Read(rest[0])
	switch {
	case err == nil:
		return c.Shell.Script(ctx, set+string(b), rest, c.Streams)
	case c.Shell.GNU:
		return c.Quit(127, "bash: %s: %s", rest[0], Reason(err))
	}
	return c.Quit(2, "sh: 0: cannot open %s: No such file", rest[0])
}

func id(_ context.Context, c *Call) int {
	user := c.User
	if names := c.Operands(); len(names) > 0 {
		user = names[0]
	}
	if _, err := strconv.Atoi(user); err == nil && user == c.User { // one without an account
		switch {
		case c.Has("u"):
			return c.Done("%s\n", user)
		case c.Has("g"):
			return c.Done("%d\n", c.Shell.Group)
		}
		groups := groupName(c.Shell.Group)
		for _, n := range c.Shell.Groups {
			groups += "," + groupName(n)
		}
		return c.Done("uid=%s gid=%s groups=%s\n", user, groupName(c.Shell.Group), groups)
	}
	if !slices.Contains(Accounts, user) {
		return c.Fail("id: ‘%s’: no such user", user)
	}
	switch n := c.Shell.UID(user); {
	case c.Has("n"):
		return c.Done("%s\n", user)
	case c.Has("ug"):
		return c.Done("%d\n", n)
	case user == Root:
		return c.Done("uid=0(root) gid=0(root) groups=0(root)\n")
	default:
		return c.Done("uid=%[1]d(%[2]s) gid=%[1]d(%[2]s) groups=%[1]d(%[2]s),4(adm),27(sudo)\n", n, user)
	}
}

func groupName(n int) string {
	if n == 0 {
		return "0(root)"
	}
	return strconv.Itoa(n)
}

func whoami(_ context.Context, c *Call) int { return c.Done("%s\n", c.User) }

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
		return c.Done("%s\n", v.String())
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

func uname(_ context.Context, c *Call) int {
	me := c.Shell.Identity()
	if c.Has("a") {
		return c.Done("Linux %s %s %s x86_64 %sGNU/Linux\n", me.Name, me.Kernel, me.Build, c.say("x86_64 ", ""))
	}
	var parts []string
	for _, p := range [][2]string{{"s", "Linux"}, {"n", me.Name}, {"r", me.Kernel}, {"v", me.Build}, {"m", "x86_64"}, {"o", "GNU/Linux"}} {
		if c.Has(p[0]) || len(c.Args) == 0 && p[0] == "s" {
			parts = append(parts, p[1])
		}
	}
	return c.Done("%s\n", strings.Join(parts, " "))
}

func hostname(_ context.Context, c *Call) int {
	switch me, names := c.Shell.Identity(), c.Operands(); {
	case c.Has("iI"):
		return c.Done("%s\n", me.Address)
	case len(names) == 0 || !c.Shell.GNU:
		return c.Done("%s\n", me.Name)
	case !c.Root():
		return c.Fail("hostname: you must be root to change the host name")
	}
	return c.Fail("hostname: demarc's machines keep the name by which Kubernetes knows them")
}
