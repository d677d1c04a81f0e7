package login

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"

	"demarc/nodes/shell/guard"
)

// sudo runs a command as root. Both users may, without a password.
func sudo(ctx context.Context, c *call) int {
	user, login, list := root, false, false
	rest := c.args
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
		if c.has("l") {
			c.printf("User %s may run the following commands on %s:\n    (ALL : ALL) ALL\n    (ALL) NOPASSWD: ALL\n", c.user, c.s.name)
		}
		return 0
	}
	return c.fail("usage: sudo -h | -K | -k | -V\nusage: sudo [-ABbEHknPS] [-u user] [VAR=value] [-i | -s] [command [arg ...]]")
}

// accounts are the users that the machine has.
var accounts = []string{root, "azureuser", "support", "nobody", "daemon", "syslog", "messagebus"}

// asUser runs a command, or a shell if there is none, as somebody.
func (c *call) asUser(ctx context.Context, user string, login bool, set, argv []string) int {
	if !slices.Contains(accounts, user) {
		return c.fail("sudo: unknown user: %s\nsudo: error initializing audit plugin sudoers_audit", user)
	}
	io := c.s.streams(user, c.in, c.out, c.err)
	if !login {
		io.dir = c.dir
	}
	if len(set) > 0 {
		io.env = expand.ListEnviron(append(exported(io.env), set...)...)
	}
	if len(argv) == 0 {
		return c.s.shell(ctx, io)
	}
	if _, ok := c.s.lookup(argv[0]); !ok {
		switch argv[0] { // commands that only a shell has
		case "cd", "source", ".", "export", "alias", "read", "set", "unset":
			return c.fail("sudo: %s: command not found", argv[0])
		}
		if !strings.Contains(argv[0], "/") {
			return c.fail("sudo: %s: command not found", argv[0])
		}
		if _, err := c.s.stat(c.path(argv[0])); err != nil {
			return c.fail("sudo: %s: command not found", argv[0])
		}
	}
	if c.s.process.Meter.Spend(ctx) != nil {
		return 130
	}
	if guard.Deep() {
		return c.fail("sudo: too many levels")
	}
	return c.s.start(ctx, argv, io)
}

// shell is a shell without a script. On a terminal the lines that follow go to it;
// otherwise it reads what comes in.
func (s *Session) shell(ctx context.Context, from streams) int {
	if s.options.Terminal && s.next == nil {
		if len(s.logins) >= maxLogins {
			fmt.Fprintln(from.err, "bash: maximum nesting level exceeded")
			return 1
		}
		from.in, from.out, from.err = nil, nil, nil
		s.next = &login{user: from.user, out: &from}
		return 0
	}
	b, _ := io.ReadAll(io.LimitReader(from.in, maxText)) // what came in before a failure is the script
	from.in = strings.NewReader("")
	return s.script(ctx, string(b), []string{"bash"}, from)
}

// su becomes another user, who is root if none is named.
func su(ctx context.Context, c *call) int {
	user, script, given := root, "", false
	names := options(c.args, "cs", []string{"command", "shell"}, func(name, value string) {
		if name == "c" || name == "command" {
			script, given = value, true
		}
	})
	login := c.has("l") || c.long("--login")
	for _, n := range names {
		if n == "-" {
			login = true
		} else {
			user = n
		}
	}
	switch {
	case !slices.Contains(accounts, user):
		return c.fail("su: user %s does not exist or the user entry does not contain all the required fields", user)
	case !c.root():
		return c.fail("Password: \nsu: Authentication failure")
	}
	io := c.s.streams(user, c.in, c.out, c.err)
	if !login {
		io.dir = c.dir
	}
	if given {
		return c.s.script(ctx, script, []string{"bash"}, io)
	}
	return c.s.shell(ctx, io)
}

// bash is a shell: with -c, with a file, or with what comes in.
func bash(ctx context.Context, c *call) int {
	rest := c.args
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") && rest[0] != "-" {
		if a := rest[0]; !strings.HasPrefix(a, "--") && strings.Contains(a, "c") {
			if len(rest) == 1 {
				c.fail("bash: -c: option requires an argument")
				return 2
			}
			return c.s.script(ctx, rest[1], append([]string{"bash"}, rest[min(3, len(rest)):]...), c.streams)
		}
		rest = rest[1:]
	}
	if len(rest) == 0 || rest[0] == "-" {
		return c.s.shell(ctx, c.streams)
	}
	b, err := c.read(rest[0])
	if err != nil {
		c.fail("bash: %s: %s", rest[0], reason(err))
		return 127
	}
	return c.s.script(ctx, string(b), rest, c.streams)
}

func passwd(_ context.Context, c *call) int {
	c.fail("passwd: Authentication token manipulation error\npasswd: password unchanged")
	return 10
}

func useradd(_ context.Context, c *call) int {
	names := options(c.args, "dgGsucekpK", nil, func(string, string) {})
	switch {
	case len(names) == 0:
		c.fail("Usage: %s [options] LOGIN", c.name)
		return 2
	case !c.root():
		return c.fail("%s: Permission denied.\n%s: cannot lock /etc/passwd; try again later.", c.name, c.name)
	case slices.Contains(accounts, names[0]):
		c.fail("%s: user '%s' already exists", c.name, names[0])
		return 9
	}
	return c.fail("%s: cannot lock /etc/passwd; try again later.", c.name)
}

func id(_ context.Context, c *call) int {
	user := c.user
	if names := c.operands(); len(names) > 0 {
		user = names[0]
	}
	if !slices.Contains(accounts, user) {
		return c.fail("id: ‘%s’: no such user", user)
	}
	switch n := uid(user); {
	case c.has("n"):
		c.printf("%s\n", user)
	case c.has("ug"):
		c.printf("%d\n", n)
	case user == root:
		c.printf("uid=0(root) gid=0(root) groups=0(root)\n")
	default:
		c.printf("uid=%d(%s) gid=%d(%s) groups=%d(%s),4(adm),27(sudo)\n", n, user, n, user, n, user)
	}
	return 0
}

func whoami(_ context.Context, c *call) int {
	c.printf("%s\n", c.user)
	return 0
}

// who also stands for w and last.
func who(_ context.Context, c *call) int {
	began := c.s.began.UTC()
	switch c.name {
	case "w":
		uptime(context.Background(), c)
		c.printf("USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n%-8s pts/0    10.224.0.100     %s    0.00s  0.02s  0.00s w\n", c.s.options.User, began.Format("15:04"))
	case "last":
		c.printf("%-8s pts/0        10.224.0.100     %s   still logged in\n\nwtmp begins %s\n", c.s.options.User, began.Format("Mon Jan _2 15:04"), began.Format("Mon Jan _2 15:04:05 2006"))
	default:
		c.printf("%-8s pts/0        %s (10.224.0.100)\n", c.s.options.User, began.Format("2006-01-02 15:04"))
	}
	return 0
}

func env(ctx context.Context, c *call) int {
	var changed []string
	rest := c.args
	for len(rest) > 0 && (strings.Contains(rest[0], "=") || strings.HasPrefix(rest[0], "-")) {
		if !strings.HasPrefix(rest[0], "-") {
			changed = append(changed, rest[0])
		}
		rest = rest[1:]
	}
	if c.name == "printenv" && len(rest) > 0 {
		v := c.env.Get(rest[0])
		if !v.IsSet() || !v.Exported {
			return 1
		}
		c.printf("%s\n", v.String())
		return 0
	}
	if len(rest) == 0 {
		for _, pair := range append(exported(c.env), changed...) {
			fmt.Fprintln(c.out, pair)
		}
		return 0
	}
	c.env = expand.ListEnviron(append(exported(c.env), changed...)...)
	return c.run(ctx, rest)
}
