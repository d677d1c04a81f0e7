package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"demarc/nodes/network"
	"demarc/nodes/shell"
)

// Dial implements [shell.System]. Names are looked up in /etc/hosts first.
func (c container) Dial(ctx context.Context, protocol, address string) (net.Conn, error) {
	if c.spec.Dial == nil {
		return nil, syscall.ENETUNREACH
	}
	if name, port, err := net.SplitHostPort(address); err == nil {
		if ip, _ := c.host(name); ip != "" {
			address = net.JoinHostPort(ip, port)
		}
	}
	return c.spec.Dial(ctx, protocol, address)
}

// AdministersNetwork implements [shell.NetworkAdmin]. Of capabilities that a container is given
// only root has the use.
func (c container) AdministersNetwork() bool { return c.spec.NetAdmin && c.spec.UID == 0 }

// Lookup implements [shell.Lookup].
func (c container) Lookup(ctx context.Context, name string) (string, error) {
	if _, err := netip.ParseAddr(name); err == nil {
		return name, nil
	}
	if ip, _ := c.host(name); ip != "" {
		return ip, nil
	}
	if c.spec.Query == nil {
		return "", syscall.ENETUNREACH
	}
	records, err := c.spec.Query(ctx, network.Question{Name: name, Type: "A", Search: true})
	for _, r := range records {
		if r.Type == "A" {
			return r.Data, nil
		}
	}
	return "", cmp.Or(err, error(&net.DNSError{Err: "no such host", Name: name, IsNotFound: true}))
}

// host is what /etc/hosts says of a name: its address of IPv4, and all its names.
func (c container) host(name string) (ip string, names []string) {
	b, _ := c.Read(shell.Root, "/etc/hosts") // without it nothing is known
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 || !slices.Contains(f[1:], name) {
			continue
		}
		if at, err := netip.ParseAddr(f[0]); err == nil && at.Is4() {
			return f[0], f[1:]
		}
	}
	return "", nil
}

// getent shows what is known of hosts: by /etc/hosts, or by DNS.
func getent(ctx context.Context, c *call) int {
	if len(c.Args) == 0 || c.Args[0] != "hosts" && c.Args[0] != "ahosts" && c.Args[0] != "ahostsv4" {
		return c.Quit(1, "Unknown database")
	}
	system, code := c.Shell.System.(container), 0
	for _, name := range c.Args[1:] {
		ip, names := system.host(name)
		if ip == "" {
			var err error
			if ip, err = system.Lookup(ctx, name); err != nil {
				code = 2
				continue
			}
			names = []string{name}
		}
		c.Printf("%-15s %s\n", ip, strings.Join(names, " "))
	}
	return code
}

// nslookup asks the cluster's DNS for a name's addresses.
func nslookup(ctx context.Context, c *call) int {
	names := c.Operands()
	if len(names) == 0 || c.spec.Query == nil {
		return c.Fail("usage: nslookup HOST")
	}
	records, err := c.spec.Query(ctx, network.Question{Name: names[0], Type: "A", Search: true})
	var dns *net.DNSError
	server := fmt.Sprintf("Server:\t\t%[1]s\nAddress:\t%[1]s:53\n\n", network.DNSServiceIP)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		c.Printf("%s** server can't find %s: NXDOMAIN\n\n", server, names[0])
		return 1
	case errors.As(err, &dns) && !dns.IsTimeout && dns.UnwrapErr == nil:
		c.Printf("%s** server can't find %s: SERVFAIL\n\n", server, names[0])
		return 1
	case err != nil:
		return c.Fail(";; connection timed out; no servers could be reached\n")
	}
	c.Printf("%s", server)
	name := names[0]
	for _, r := range records {
		if r.Type == "CNAME" {
			c.Printf("%s\tcanonical name = %s\n", name, strings.TrimSuffix(r.Data, "."))
			name = strings.TrimSuffix(r.Data, ".")
			continue
		}
		c.Printf("Name:\t%s\nAddress: %s\n", name, r.Data)
	}
	return c.Done("\n")
}
