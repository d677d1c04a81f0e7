package shell

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/clock"
)

// NetworkAdmin says whether programs of a system may change its network: they have the
// capability NET_ADMIN.
type NetworkAdmin interface{ AdministersNetwork() bool }

// ipChanges are what ip does to addresses, links and routes, beside showing them.
var ipChanges = []string{"add", "append", "change", "del", "delete", "flush", "replace", "set"}

// ip shows the addresses and the routes of a container; ifconfig too. What it changes, where
// it may, nobody sees: the cluster's network has no other links.
func ip(_ context.Context, c *Call) int {
	me := c.Shell.Identity()
	operands := c.Operands()
	what := strings.Join(operands, " ")
	switch {
	case len(operands) > 1 && slices.Contains(ipChanges, operands[1]):
		if a, ok := c.Shell.System.(NetworkAdmin); !ok || !a.AdministersNetwork() {
			return c.Quit(2, "%s", c.say("RTNETLINK answers: Operation not permitted", "ip: RTNETLINK answers: Operation not permitted"))
		}
		return 0
	case c.Name == "ifconfig":
		return c.Done("eth0      Link encap:Ethernet  HWaddr 02:42:0A:F4:00:02\n          inet addr:%s  Bcast:0.0.0.0  Mask:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n\n"+
			"lo        Link encap:Local Loopback\n          inet addr:127.0.0.1  Mask:255.0.0.0\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n", me.Address)
	case strings.HasPrefix(what, "r"):
		return c.Done("default via 169.254.23.0 dev eth0 \n169.254.23.0 dev eth0 scope link \n")
	case strings.HasPrefix(what, "a") || strings.HasPrefix(what, "l"):
		return c.Done("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    inet 127.0.0.1/8 scope host lo\n"+
			"2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue \n    inet %s/24 scope global eth0\n", me.Address)
	}
	return c.Fail("BusyBox v1.36.1 multi-call binary.\n\nUsage: ip [OPTIONS] address|route|link|neigh|rule [ARGS]")
}

// Lookup finds the addresses of a name; nil if the system has no names to ask for.
type Lookup interface {
	Lookup(ctx context.Context, name string) (address string, err error)
}

// ping asks whether a name can be found, and takes a host that can for one that answers: the
// cluster's network carries connections and datagrams only.
func ping(ctx context.Context, c *Call) int {
	o := c.Options("c= W= w= i= I= s= t=")
	if len(o.Operands) == 0 {
		return c.Fail("%s", c.say("ping: usage error: Destination address required", "BusyBox v1.36.1 multi-call binary.\n\nUsage: ping [OPTIONS] HOST"))
	}
	host := o.Operands[0]
	address := host
	if l, ok := c.Shell.System.(Lookup); ok {
		var err error
		if address, err = l.Lookup(ctx, host); err != nil {
			return c.Fail(c.say("ping: %s: Name or service not known", "ping: bad address '%s'"), host)
		}
	}
	n, endless := 0, true
	if o.Has("c") {
		var err error
		n, err = strconv.Atoi(o.Value("c"))
		endless = err != nil
	}
	c.Printf("PING %s (%s): 56 data bytes\n", host, address)
	sent := 0
	for ; endless || sent < n; sent++ {
		if sent > 0 && !clock.Sleep(ctx, time.Second) || c.Stopped() {
			return c.Shell.Interrupted()
		}
		c.Printf("64 bytes from %s: seq=%d ttl=62 time=0.214 ms\n", address, sent)
	}
	return c.Done("\n--- %s ping statistics ---\n%d packets transmitted, %d packets received, 0%% packet loss\nround-trip min/avg/max = 0.214/0.214/0.214 ms\n", host, sent, sent)
}

func uptime(_ context.Context, c *Call) int {
	now := c.Shell.Now()
	up := time.Duration(0)
	if all := c.Shell.Processes(); len(all) > 0 && !all[0].Since.IsZero() {
		up = now.Sub(all[0].Since)
	}
	return c.Done(" %s up %s,  load average: 0.00, 0.00, 0.00\n", now.UTC().Format("15:04:05"), UpWords(up))
}
