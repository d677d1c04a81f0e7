package program

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"demarc/nodes/shell"
)

// call is one run of a container's own command.
type call struct {
	*shell.Call
	spec Spec
}

// own are a container's commands beside those of [shell.Coreutils].
var own = map[string]func(context.Context, *call) int{
	"ps": ps, "hostname": hostname, "uname": uname, "df": df, "free": free, "kill": kill, "nslookup": nslookup, "chmod": nothing, "chown": nothing,
}

// certain are the coreutils that images have of which we do not know more. What a script
// calls beside them is taken to succeed: see unknown.
var certain = strings.Fields(`cat ls mkdir touch rm cp mv sync grep head tail wc seq sort uniq tee basename dirname env printenv id whoami
	date nproc sleep timeout which type wget curl nc echo true false pwd printf test [`)

// command is a command of the container's, or nil.
func (s Spec) command(name string) shell.Command {
	switch {
	case own[name] != nil:
		return func(ctx context.Context, c *shell.Call) int { return own[name](ctx, &call{c, s}) }
	case isShell(name):
		return shell.Coreutils["sh"]
	case name == "command":
		return shell.Coreutils["type"]
	case bare[imageName(s.Image)] || slices.Contains(certain, name):
		return shell.Coreutils[name]
	}
	return nil
}

func isShell(name string) bool { return slices.Contains([]string{"sh", "bash", "ash", "dash"}, name) }

func nothing(context.Context, *call) int { return 0 }

func ps(_ context.Context, c *call) int {
	s := c.spec
	command := strings.Join(slices.Concat(s.Command, s.Args), " ")
	if command == "" {
		command = imageName(s.Image)
	}
	fmt.Fprintf(c.Out, "PID   USER     TIME  COMMAND\n    1 root      0:00 %s\n   42 root      0:00 ps\n", command)
	return 0
}

func hostname(_ context.Context, c *call) int {
	if c.Has("i") {
		fmt.Fprintln(c.Out, c.spec.PodIP)
		return 0
	}
	fmt.Fprintln(c.Out, c.spec.Hostname)
	return 0
}

// kernel is what AKS's Ubuntu nodes run.
const kernel = "5.15.0-1084-azure"

func uname(_ context.Context, c *call) int {
	switch {
	case c.Has("a"):
		fmt.Fprintf(c.Out, "Linux %s %s #93~20.04.1-Ubuntu SMP x86_64 GNU/Linux\n", c.spec.Hostname, kernel)
	case c.Has("r"):
		fmt.Fprintln(c.Out, kernel)
	case c.Has("n"):
		fmt.Fprintln(c.Out, c.spec.Hostname)
	case c.Has("m"):
		fmt.Fprintln(c.Out, "x86_64")
	default:
		fmt.Fprintln(c.Out, "Linux")
	}
	return 0
}

func df(_ context.Context, c *call) int {
	fmt.Fprintln(c.Out, "Filesystem           1K-blocks      Used Available Use% Mounted on\noverlay              129886128  24576000 105293744  19% /")
	return 0
}

func free(_ context.Context, c *call) int {
	fmt.Fprintln(c.Out, "              total        used        free      shared  buff/cache   available\nMem:       16393284     1240068    12482048        2104     2671168    14830160\nSwap:             0           0           0")
	return 0
}

// signals are what kill(1) calls those that end a program.
var signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "TERM": 15}

// kill sends a signal to the container's program, which is process 1.
func kill(_ context.Context, c *call) int {
	signal := int(syscall.SIGTERM)
	for i, a := range c.Args {
		name, isSignal := strings.CutPrefix(a, "-")
		if isSignal && name == "s" {
			continue
		}
		if i > 0 && c.Args[i-1] == "-s" {
			name, isSignal = a, true
		}
		if !isSignal {
			if a != "1" {
				return c.Fail("sh: can't kill pid %s: No such process", a)
			}
			if c.spec.Kill != nil && signal != 0 {
				c.spec.Kill(signal)
			}
			continue
		}
		if n, ok := signals[strings.TrimPrefix(name, "SIG")]; ok {
			signal = n
		} else if n, err := strconv.Atoi(name); err == nil {
			signal = n
		} else {
			return c.Fail("sh: bad signal name '%s'", name)
		}
	}
	return 0
}

// nslookup asks the cluster's DNS.
func nslookup(ctx context.Context, c *call) int {
	names := c.Operands()
	if len(names) == 0 || c.spec.Resolve == nil {
		return c.Fail("usage: nslookup HOST")
	}
	var ips []netip.Addr
	ips, err := c.spec.Resolve(ctx, names[0])
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		fmt.Fprintf(c.Out, "Server:\t\t10.0.0.10\nAddress:\t10.0.0.10:53\n\n** server can't find %s: NXDOMAIN\n\n", names[0])
		return 1
	case err != nil:
		return c.Fail(";; connection timed out; no servers could be reached\n")
	}
	fmt.Fprint(c.Out, "Server:\t\t10.0.0.10\nAddress:\t10.0.0.10:53\n\n")
	for _, ip := range ips {
		fmt.Fprintf(c.Out, "Name:\t%s\nAddress: %s\n", names[0], ip)
	}
	fmt.Fprintln(c.Out)
	return 0
}
