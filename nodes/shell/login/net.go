package login

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
	"demarc/sim/clock"
)

// ping tries a connection in place of an echo, since that is all that the machine's network
// has: a port that refuses answers too.
func ping(ctx context.Context, c *call) int {
	count, limit := 4, 4*time.Second
	o := c.Options("c= W,w= i= s=")
	if n, err := strconv.Atoi(o.Value("c")); err == nil {
		count = min(max(n, 1), 10)
	}
	if n, err := strconv.Atoi(o.Value("W")); err == nil {
		limit = time.Duration(min(max(n, 1), 60)) * time.Second
	}
	names := o.Operands
	if len(names) == 0 {
		return c.Quit(2, "ping: usage error: Destination address required")
	}
	got := 0
	for i := range count {
		_, done, err := c.Dial(ctx, "tcp", net.JoinHostPort(names[0], "443"), limit)
		name, refused, _ := shell.Trouble(err)
		done()
		if name {
			return c.Quit(2, "ping: %s: Name or service not known", names[0])
		}
		if i == 0 {
			c.Printf("PING %s (%s) 56(84) bytes of data.\n", names[0], names[0])
		}
		if err == nil || refused {
			got++
			c.Printf("64 bytes from %s: icmp_seq=%d ttl=64 time=0.71 ms\n", names[0], i+1)
		}
		if i+1 < count && !clock.Sleep(ctx, time.Second) {
			return 130
		}
	}
	c.Printf("\n--- %s ping statistics ---\n%d packets transmitted, %d received, %d%% packet loss, time %dms\n", names[0], count, got, 100*(count-got)/count, (count-1)*1000)
	if got == 0 {
		return 1
	}
	return 0
}

// nslookup also stands for dig and host: whether a name is known shows by dialing it.
func nslookup(ctx context.Context, c *call) int {
	var names []string
	for _, a := range c.Operands() {
		if !strings.HasPrefix(a, "+") && !strings.HasPrefix(a, "@") {
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		return c.Fail("usage: %s HOST", c.Name)
	}
	conn, done, err := c.Dial(ctx, "tcp", net.JoinHostPort(names[0], "443"), 5*time.Second)
	address := names[0]
	if err == nil {
		if ip, _, split := net.SplitHostPort(conn.RemoteAddr().String()); split == nil {
			address = ip
		}
	}
	done()
	var dns *net.DNSError
	switch unknown := errors.As(err, &dns); {
	case unknown && !dns.IsNotFound:
		return c.Fail(";; communications error to 168.63.129.16#53: timed out\n;; no servers could be reached")
	case unknown:
		c.Printf("Server:\t\t127.0.0.53\nAddress:\t127.0.0.53#53\n\n** server can't find %s: NXDOMAIN\n\n", names[0])
		return 1
	case c.Name == "dig":
		if !c.Long("+short") {
			c.Printf(";; ANSWER SECTION:\n%s.\t30\tIN\tA\t", names[0])
		}
		c.Printf("%s\n", address)
	default:
		c.Printf("Server:\t\t127.0.0.53\nAddress:\t127.0.0.53#53\n\nNon-authoritative answer:\nName:\t%s\nAddress: %s\n\n", names[0], address)
	}
	return 0
}

// ip knows addr, route and link.
func ip(_ context.Context, c *call) int {
	words := append(c.Operands(), "", "")
	own := c.Shell.Identity().Address
	switch {
	case c.Name == "ifconfig":
		return c.Done("eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet %s  netmask 255.255.0.0  broadcast 10.224.255.255\n", own)
	case len(words) > 1 && (words[1] == "add" || words[1] == "del" || words[1] == "set" || words[1] == "flush"):
		if !c.Root() {
			return c.Quit(2, "RTNETLINK answers: Operation not permitted")
		}
		return c.Quit(2, "ip: demarc's shell does not change addresses, links and routes: use iptables to cut the machine off")
	case strings.HasPrefix("address", words[0]) && words[0] != "":
		c.Printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n")
		return c.Done("2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default qlen 1000\n    link/ether 00:0d:3a:5e:10:04 brd ff:ff:ff:ff:ff:ff\n    inet %s/16 metric 100 brd 10.224.255.255 scope global eth0\n       valid_lft forever preferred_lft forever\n", own)
	case strings.HasPrefix("route", words[0]) && words[0] != "":
		return c.Done("default via 10.224.0.1 dev eth0 proto dhcp src %s metric 100\n10.224.0.0/16 dev eth0 proto kernel scope link src %s metric 100\n168.63.129.16 via 10.224.0.1 dev eth0 proto dhcp src %s metric 100\n169.254.169.254 via 10.224.0.1 dev eth0 proto dhcp src %s metric 100\n", own, own, own, own)
	case strings.HasPrefix("link", words[0]) && words[0] != "":
		return c.Done("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\n2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000\n")
	}
	return c.Quit(1, "Object \"%s\" is unknown, try \"ip help\".", words[0])
}

// listeners are the ports of the machine's units.
var listeners = []struct {
	unit, address, program string
}{
	{host.SSH, "0.0.0.0:22", "sshd"}, {host.Kubelet, "*:10250", "kubelet"}, {host.Kubelet, "127.0.0.1:10248", "kubelet"},
	{host.CNS, "127.0.0.1:10090", "azure-cns"}, {host.Containerd, "127.0.0.1:41923", "containerd"}, {host.NPD, "127.0.0.1:20257", "node-problem-de"},
}

// ss lists what listens; it also stands for netstat.
func ss(_ context.Context, c *call) int {
	if c.Name == "netstat" {
		c.Printf("Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name\n")
	} else {
		c.Printf("State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process\n")
	}
	c.do(func(_ time.Time, h *host.Host, _ Runtime) {
		for _, l := range listeners {
			u, ok := h.Unit(l.unit)
			if !ok || u.PID == 0 {
				continue
			}
			if c.Name == "netstat" {
				c.Printf("tcp        0      0 %-23s 0.0.0.0:*               LISTEN      %d/%s\n", l.address, u.PID, l.program)
				continue
			}
			users := ""
			if c.Has("p") && c.Root() {
				users = fmt.Sprintf("users:((\"%s\",pid=%d,fd=3))", l.program, u.PID)
			}
			c.Printf("LISTEN 0      4096   %18s      0.0.0.0:*     %s\n", l.address, users)
		}
	})
	return 0
}
