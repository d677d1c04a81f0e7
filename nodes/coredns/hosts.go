package coredns

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/network"
)

// hostsTTL is for how long answers of the plugin hosts may be kept if nobody says it.
const hostsTTL = 3600

// hosts answers from a table like /etc/hosts.
type hosts struct {
	zones   []string
	names   map[string][]netip.Addr
	of      map[netip.Addr][]string
	ttl     int
	through fallthroughs
}

// fallthroughs are the zones of which a plugin passes on what it does not know.
type fallthroughs struct {
	on    bool
	zones []string
}

func (f *fallthroughs) read(line []token) {
	f.on = true
	for _, a := range texts(line[1:]) {
		names, _, _ := zonesOf(a)
		f.zones = append(f.zones, names...)
	}
}

func (f fallthroughs) passes(name string) bool {
	return f.on && (len(f.zones) == 0 || inZones(name, f.zones))
}

// hosts: hosts [FILE [ZONES…]] { ADDRESS NAMES… … }.
func (b *building) hosts(list []directive) error {
	args, body := list[0].lines()
	h := &hosts{names: map[string][]netip.Addr{}, of: map[netip.Addr][]string{}, ttl: hostsTTL}
	file := "/etc/hosts"
	if len(args) > 0 {
		file, args = args[0].text, args[1:]
	}
	h.zones = b.origins(texts(args))
	reverse := true
	var table []string
	for _, line := range body {
		switch line[0].text {
		case "fallthrough":
			h.through.read(line)
		case "no_reverse":
			reverse = false
		case "ttl":
			if err := h.lives(line); err != nil {
				return err
			}
		case "reload":
			if len(line) != 2 {
				return line[len(line)-1].wrong("reload needs a duration (zero seconds to disable)")
			}
			if _, err := time.ParseDuration(line[1].text); err != nil {
				return line[1].wrong("invalid duration for reload '%s'", line[1].text)
			}
		default:
			if h.through.on {
				return line[0].wrong("unknown property '%s'", line[0].text)
			}
			table = append(table, strings.Join(texts(line), " "))
		}
	}
	for line := range strings.Lines(string(b.files[file])) {
		line, _, _ = strings.Cut(line, "#")
		table = append(table, line)
	}
	for _, line := range table {
		h.add(strings.Fields(line), reverse)
	}
	b.plugins = append(b.plugins, h)
	return nil
}

// lives: ttl SECONDS.
func (h *hosts) lives(line []token) (err error) {
	t := line[len(line)-1]
	if len(line) < 2 {
		return t.wrong("ttl needs a time in second")
	}
	if h.ttl, err = strconv.Atoi(line[1].text); err != nil {
		return t.wrong("ttl needs a number of second")
	}
	if h.ttl <= 0 || h.ttl > 65535 {
		return t.wrong("ttl provided is invalid")
	}
	return nil
}

// add adds a line of the table. One that begins with no address says nothing.
func (h *hosts) add(words []string, reverse bool) {
	if len(words) < 2 {
		return
	}
	ip, err := netip.ParseAddr(words[0])
	if err != nil {
		return
	}
	for _, w := range words[1:] {
		name := normal(w)
		h.names[name] = append(h.names[name], ip)
		if reverse {
			h.of[ip] = append(h.of[ip], name)
		}
	}
}

// serve implements [plugin].
func (h *hosts) serve(ctx context.Context, q query, next func(context.Context, query) network.Reply) network.Reply {
	ip, reversed := reversedAddr(q.name)
	if q.kind != "PTR" && !inZones(q.name, h.zones) {
		return next(ctx, q)
	}
	r := network.Reply{Code: network.NoError, TTL: seconds(h.ttl)}
	say := func(data string) {
		r.Records = append(r.Records, network.Record{Name: q.name + ".", Type: q.kind, Data: data, TTL: h.ttl})
	}
	known := false
	if reversed && q.kind == "PTR" {
		for _, name := range h.of[ip] {
			known = true
			say(name + ".")
		}
	}
	for _, at := range h.names[q.name] {
		if known = true; q.kind == "A" && at.Is4() || q.kind == "AAAA" && at.Is6() {
			say(at.String())
		}
	}
	switch {
	case len(r.Records) > 0:
		return r
	case h.through.passes(q.name) || q.kind == "PTR":
		return next(ctx, q)
	case !known:
		r.Code = network.NXDomain
	}
	return r
}

// reversedAddr is the address of IPv4 that a name is of, the other way round.
func reversedAddr(name string) (netip.Addr, bool) {
	digits, ok := strings.CutSuffix(name, ".in-addr.arpa")
	if !ok {
		return netip.Addr{}, false
	}
	parts := strings.Split(digits, ".")
	slices.Reverse(parts)
	ip, err := netip.ParseAddr(strings.Join(parts, "."))
	return ip, err == nil
}
