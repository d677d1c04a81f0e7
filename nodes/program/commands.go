package program

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"demarc/nodes/shell"
)

// call is one run of a container's own command.
type call struct {
	*shell.Call
	spec Spec
}

// own are a container's commands beside those of [shell.Coreutils].
var own = map[string]func(context.Context, *call) int{
	"df": df, "free": free, "nslookup": nslookup,
}

// certain are the coreutils that images have of which we do not know more. What a script
// calls beside them is taken to succeed: see unknown.
var certain = strings.Fields(`cat ls mkdir touch rm cp mv sync grep head tail wc seq sort uniq tee basename dirname env printenv id whoami
	date nproc sleep timeout which type wget curl nc echo true false pwd printf test [ ps kill hostname uname`)

// command is a command of the container's, or nil.
func (s Spec) command(name string) shell.Command {
	switch {
	case own[name] != nil:
		return func(ctx context.Context, c *shell.Call) int { return own[name](ctx, &call{c, s}) }
	case isShell(name):
		return shell.Coreutils["sh"]
	case name == "chmod" || name == "chown":
		return shell.Nothing
	case name == "command":
		return shell.Coreutils["type"]
	case bare[imageName(s.Image)] || slices.Contains(certain, name):
		return shell.Coreutils[name]
	}
	return nil
}

func isShell(name string) bool { return slices.Contains([]string{"sh", "bash", "ash", "dash"}, name) }

func df(_ context.Context, c *call) int {
	return c.Done("Filesystem           1K-blocks      Used Available Use%% Mounted on\noverlay              129886128  24576000 105293744  19%% /\n")
}

func free(_ context.Context, c *call) int {
	return c.Done("              total        used        free      shared  buff/cache   available\nMem:       16393284     1240068    12482048        2104     2671168    14830160\nSwap:             0           0           0\n")
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
		c.Printf("Server:\t\t10.0.0.10\nAddress:\t10.0.0.10:53\n\n** server can't find %s: NXDOMAIN\n\n", names[0])
		return 1
	case err != nil:
		return c.Fail(";; connection timed out; no servers could be reached\n")
	}
	c.Printf("Server:\t\t10.0.0.10\nAddress:\t10.0.0.10:53\n\n")
	for _, ip := range ips {
		c.Printf("Name:\t%s\nAddress: %s\n", names[0], ip)
	}
	fmt.Fprintln(c.Out)
	return 0
}
