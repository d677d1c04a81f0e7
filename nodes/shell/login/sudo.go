package login

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"demarc/nodes/shell"

	"mvdan.cc/sh/v3/expand"
)

// sudo runs a command as root. Both users may, without a password.
func sudo(ctx context.Context, c *call) int {
	user, login, list := shell.Root, false, false
	rest := c.Args
	var set []string
	for len(rest) > 0 {
		a := rest[0]
		switch {
		case a == "-u" && len(rest) > 1, a == "--user" && len(rest) > 1:
			user, rest = rest[1], rest[1:]
		case strings.HasPrefix(a, "--user="):
			user = a[len("--user="):]
		case a == "-i" || a == "-s" || a == "--login" || a == "--shell":
			login = true
		case a == "-l" || a == "-v" || a == "-k" || a == "-K":
			list = true
		case (a == "-g" || a == "-p" || a == "-C") && len(rest) > 1:
			rest = rest[1:]
		case a == "--":
			rest = rest[1:]
			return c.asUser(ctx, user, login, set, rest)
		case strings.HasPrefix(a, "-"): // -n, -E, -H, -S, -b change nothing here
		case strings.Contains(a, "=") && !strings.HasPrefix(a, "="):
			set = append(set, a)
		default:
			return c.asUser(ctx, user, login, set, rest)
		}
		rest = rest[1:]
	}
	switch {
	case login:
		return c.asUser(ctx, user, true, set, nil)
	case list:
		if c.Has("l") {
			c.Printf("User %s may run the following commands on %s:\n    (ALL : ALL) ALL\n    (ALL) NOPASSWD: ALL\n", c.User, c.s.name)
		}
		return 0
	}
	return c.Fail("usage: sudo -h | -K | -k | -V\nusage: sudo [-ABbEHknPS] [-u user] [VAR=value] [-i | -s] [command [arg ...]]")
}

// asUser runs a command, or a shell if there is none, as somebody.
func (c *call) asUser(ctx context.Context, user string, login bool, set, argv []string) int {
	if !slices.Contains(shell.Accounts, user) {
		return c.Fail("sudo: unknown user: %s\nsudo: error initializing audit plugin sudoers_audit", user)
	}
	io := c.s.streams(user, c.In, c.Out, c.Err)
	if !login {
		io.Dir = c.Dir
	}
	if len(set) > 0 {
		io.Env = expand.ListEnviron(append(shell.Exported(io.Env), set...)...)
	}
	if len(argv) == 0 {
		return c.s.interactive(ctx, io)
	}
	if !c.Shell.Knows(io, argv[0]) {
		return c.Fail("sudo: %s: command not found", argv[0])
	}
	c.Streams = io
	return c.Run(ctx, argv)
}

// maxScript bounds what a shell reads as its script, in bytes.
const maxScript = 1 << 20

// interactive is a shell without a script. On a terminal the lines that follow go to it;
// otherwise it reads what comes in.
func (s *Session) interactive(ctx context.Context, from shell.Streams) int {
	if !s.options.Terminal || s.next != nil {
		b, _ := io.ReadAll(io.LimitReader(from.In, maxScript)) // what came in before a failure is the script
		from.In = strings.NewReader("")
		return s.sh.Script(ctx, string(b), []string{"bash"}, from)
	}
	if len(s.logins) >= maxLogins {
		fmt.Fprintln(from.Err, "bash: maximum nesting level exceeded")
		return 1
	}
	from.In, from.Out, from.Err = nil, nil, nil
	s.next = &login{user: from.User, out: &from}
	return 0
}

// su becomes another user, who is root if none is named.
func su(ctx context.Context, c *call) int {
	o := c.Options("c,command= s,shell= l,login")
	user, login := shell.Root, o.Has("l")
	for _, n := range o.Operands {
		if n == "-" {
			login = true
		} else {
			user = n
		}
	}
	switch {
	case !slices.Contains(shell.Accounts, user):
		return c.Fail("su: user %s does not exist or the user entry does not contain all the required fields", user)
	case !c.Root():
		return c.Fail("Password: \nsu: Authentication failure")
	}
	io := c.s.streams(user, c.In, c.Out, c.Err)
	if !login {
		io.Dir = c.Dir
	}
	if o.Has("c") {
		return c.Shell.Script(ctx, o.Value("c"), []string{"bash"}, io)
	}
	return c.s.interactive(ctx, io)
}

func passwd(_ context.Context, c *call) int {
	return c.Quit(10, "passwd: Authentication token manipulation error\npasswd: password unchanged")
}

func useradd(_ context.Context, c *call) int {
	names := c.Options("d= g= G= s= u= c= e= k= p= K=").Operands
	switch {
	case len(names) == 0:
		return c.Quit(2, "Usage: %s [options] LOGIN", c.Name)
	case !c.Root():
		return c.Fail("%s: Permission denied.\n%s: cannot lock /etc/passwd; try again later.", c.Name, c.Name)
	case slices.Contains(shell.Accounts, names[0]):
		return c.Quit(9, "%s: user '%s' already exists", c.Name, names[0])
	}
	return c.Fail("%s: cannot lock /etc/passwd; try again later.", c.Name)
}

// who also stands for w and last.
func who(_ context.Context, c *call) int {
	began := c.Shell.Began.UTC()
	switch c.Name {
	case "w":
		uptime(context.Background(), c)
		c.Printf("USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n%-8s pts/0    10.224.0.100     %s    0.00s  0.02s  0.00s w\n", c.s.options.User, began.Format("15:04"))
	case "last":
		c.Printf("%-8s pts/0        10.224.0.100     %s   still logged in\n\nwtmp begins %s\n", c.s.options.User, began.Format("Mon Jan _2 15:04"), began.Format("Mon Jan _2 15:04:05 2006"))
	default:
		c.Printf("%-8s pts/0        %s (10.224.0.100)\n", c.s.options.User, began.Format("2006-01-02 15:04"))
	}
	return 0
}
