package coredns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"demarc/nodes/network"
)

// How the plugin forward waits for other servers (CoreDNS, plugins forward and pkg/proxy).
const (
	readTimeout    = 2 * time.Second // for one answer
	forwardTimeout = 5 * time.Second // in which it begins to ask
	maxFails       = 2
	healthTime     = 2 * time.Second // until two health checks in a row have failed
	maxUpstreams   = 15
)

// forward passes questions on to other servers.
type forward struct {
	zone     string
	except   []string
	servers  []*upstream
	policy   string
	maxFails int
	tcp      bool

	mu   sync.Mutex
	turn int
}

// upstream is another server.
type upstream struct {
	at netip.AddrPort

	mu    sync.Mutex
	since time.Time // when it began to give no answers; zero while it does
}

// forwards: forward FROM TO… { … }.
func (b *building) forwards(list []directive) error {
	for _, d := range list {
		args, body := d.lines()
		if len(args) < 2 {
			return miscounted(append(d[:1:1], args...))
		}
		names, _, err := zonesOf(args[0].text)
		if err != nil || len(names) == 0 {
			return fmt.Errorf("unable to normalize '%s'", args[0].text)
		}
		f := &forward{zone: names[0], policy: "random", maxFails: maxFails}
		for _, a := range args[1:] {
			at, err := b.upstreams(a.text)
			if err != nil {
				return err
			}
			for _, x := range at {
				f.servers = append(f.servers, &upstream{at: x})
			}
		}
		for _, line := range body {
			if err := f.property(line); err != nil {
				return err
			}
		}
		if len(f.servers) > maxUpstreams {
			return fmt.Errorf("more than %d TOs configured: %d", maxUpstreams, len(f.servers))
		}
		b.plugins = append(b.plugins, f)
	}
	return nil
}

// upstreams are the servers that a word names: by an address, or in a file like
// /etc/resolv.conf.
func (b *building) upstreams(word string) (out []netip.AddrPort, err error) {
	scheme, host, ok := strings.Cut(word, "://")
	if !ok {
		scheme, host = "dns", word
	}
	port := uint16(dnsPort)
	switch {
	case host == "":
		return nil, fmt.Errorf("invalid address: %q", word)
	case scheme == "tls":
		port = 853
	case scheme != "dns":
		return nil, fmt.Errorf("'%s' is not supported as a destination protocol in forward: %s", scheme, word)
	}
	if i := strings.Index(host, "%"); i >= 0 { // the name that a server of TLS is to have
		host = host[:i]
	}
	if at, err := netip.ParseAddrPort(host); err == nil {
		return []netip.AddrPort{at}, nil
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip, port)}, nil
	}
	text, there := b.files[host]
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" {
			if ip, err := netip.ParseAddr(f[1]); err == nil {
				out = append(out, netip.AddrPortFrom(ip, port))
			}
		}
	}
	switch {
	case !there:
		return nil, fmt.Errorf("not an IP address or file: %q", host)
	case len(out) == 0:
		return nil, errors.New("no nameservers found")
	}
	return out, nil
}

// properties are those that forward has, with how many words each has.
var properties = map[string]int{
	"max_connect_attempts": 1, "prefer_udp": 0, "tls_servername": 1, "expire": 1, "max_age": 1, "max_idle_conns": 1, "max_concurrent": 1,
	"failfast_all_unhealthy_upstreams": 0, "tls": -1, "health_check": -1, "next": -1, "failover": -1,
}

// property reads a line of the block.
func (f *forward) property(line []token) (err error) {
	name, args := line[0].text, texts(line[1:])
	switch words, known := properties[name]; {
	case name == "except":
		for _, a := range args {
			names, _, _ := zonesOf(a)
			f.except = append(f.except, names...)
		}
		if len(args) == 0 {
			return miscounted(line)
		}
	case name == "policy" && len(args) > 0:
		if f.policy = args[0]; !slices.Contains([]string{"random", "round_robin", "sequential"}, f.policy) {
			return line[1].wrong("unknown policy '%s'", f.policy)
		}
	case name == "max_fails" && len(args) > 0:
		f.maxFails, err = parseCount(args[0])
	case name == "force_tcp" && len(args) == 0:
		f.tcp = true
	case slices.Contains([]string{"policy", "max_fails", "force_tcp"}, name):
		return miscounted(line)
	case !known:
		return line[0].wrong("unknown property '%s'", name)
	case words >= 0 && len(args) != words:
		return miscounted(line)
	case name == "expire" || name == "max_age" || name == "health_check" && len(args) > 0:
		_, err = time.ParseDuration(args[0])
	case strings.HasPrefix(name, "max_"):
		_, err = parseCount(args[0])
	}
	return err
}

func parseCount(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}

// serve implements [plugin].
func (f *forward) serve(ctx context.Context, q query, next func(context.Context, query) network.Reply) network.Reply {
	if !inZone(q.name, f.zone) || inZones(q.name, f.except) {
		return next(ctx, q)
	}
	list := f.order(q.at)
	var err error
	for began, n, fails := time.Now(), 0, 0; time.Since(began) < forwardTimeout && ctx.Err() == nil; n++ {
		u := list[n%len(list)]
		if n%len(list) == 0 {
			fails = 0
		}
		if u.down(f.maxFails) {
			if fails++; fails < len(list) {
				continue
			}
			u = list[q.at.Random(len(list))] // as if the health checks were wrong
		}
		var r network.Reply
		if r, err = u.ask(ctx, q, f.tcp); err == nil {
			return r
		}
		if fails >= len(list) {
			break
		}
		if errors.Is(err, errQuick) && n >= 2*len(list) {
			break // who refuses at once would be asked again and again
		}
	}
	q.failed(err)
	return network.Reply{Code: network.ServFail}
}

// errQuick says that a server has refused at once.
var errQuick = errors.New("")

// order are the servers in the order in which they are asked.
func (f *forward) order(at network.Standpoint) []*upstream {
	k := 0
	switch {
	case len(f.servers) == 1 || f.policy == "sequential":
		return f.servers
	case f.policy == "random":
		k = at.Random(len(f.servers))
	default:
		f.mu.Lock()
		k = f.turn % len(f.servers)
		f.turn++
		f.mu.Unlock()
	}
	return slices.Concat(f.servers[k:], f.servers[:k])
}

// down says whether health checks have found that the server gives no answers.
func (u *upstream) down(fails int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return fails > 0 && !u.since.IsZero() && time.Since(u.since) > healthTime
}

// ask asks the server.
func (u *upstream) ask(ctx context.Context, q query, tcp bool) (network.Reply, error) {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	began := time.Now()
	r, err := q.at.Ask(limited, u.at, network.Question{Name: q.name, Type: q.kind, TCP: tcp || q.tcp})
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case err == nil:
		u.since = time.Time{}
		return r, nil
	case u.since.IsZero():
		u.since = time.Now()
	}
	if time.Since(began) == 0 {
		err = fmt.Errorf("%w%w", err, errQuick)
	}
	return r, err
}
