package host

import (
	"net/netip"
	"strconv"
	"strings"
)

// packet is the first of a new connection from the machine.
type packet struct {
	proto string
	port  int
	dest  string
	addr  netip.Addr // of dest, if that is an address
}

// walk is one packet's way through the chains.
type walk struct {
	f      *firewall
	p      packet
	budget int // of rules: chains may jump in circles
}

// verdict is what a chain says of a packet.
type verdict struct {
	rule string
	drop bool
	end  bool // accepted or dropped; else the calling chain goes on
}

// EgressBlocked says whether the machine's own packet filter keeps it from
// connecting to a port of dest, which is a host's name or an address, and by
// which rule. A rule with an address does not match a name, nor the other way
// round; a rule without -d matches everything.
func (t *iptables) EgressBlocked(proto string, port int, dest string) (rule string, blocked bool) {
	w := &walk{f: t.filter(), p: packet{proto: strings.ToLower(proto), port: port, dest: strings.ToLower(dest)}, budget: 20000}
	if a, err := netip.ParseAddr(dest); err == nil {
		w.p.addr = a.Unmap()
	}
	v := w.chain("OUTPUT", 0)
	if !v.end && t.Policy("OUTPUT") == "DROP" {
		return "-P OUTPUT DROP", true
	}
	return v.rule, v.drop
}

// chain asks a chain, and those that it jumps to.
func (w *walk) chain(name string, depth int) verdict {
	for _, r := range w.f.Rules[name] {
		if w.budget--; w.budget < 0 || depth > 16 {
			return verdict{}
		}
		if !w.p.matches(r) {
			continue
		}
		switch r.Target {
		case "ACCEPT":
			return verdict{end: true}
		case "DROP", "REJECT":
			return verdict{rule: "-A " + name + " " + r.text(), drop: true, end: true}
		case "RETURN":
			return verdict{}
		case "", "LOG", "NFLOG", "QUEUE", "MARK":
		default:
			if v := w.chain(r.Target, depth+1); v.end {
				return v
			}
		}
	}
	return verdict{}
}

// matches says whether the rule is about the packet.
func (p packet) matches(r rule) bool {
	if r.In != "" || !negated(r.Proto, func(s string) bool { return s == p.proto }) {
		return false
	}
	if !negated(r.Dest, p.to) || !negated(r.Out, outside) {
		return false
	}
	for _, o := range r.Matches {
		if p.fits(o) == o.Not {
			return false
		}
	}
	return true
}

// negated asks whether a value that may begin with "! " holds; "" always does.
func negated(value string, holds func(string) bool) bool {
	if value == "" {
		return true
	}
	rest, not := strings.CutPrefix(value, "! ")
	return holds(rest) != not
}

// outside says whether an interface is one that leads out of the machine.
func outside(name string) bool {
	if stem, ok := strings.CutSuffix(name, "+"); ok {
		return strings.HasPrefix("eth0", stem)
	}
	return name == "eth0"
}

// to says whether the packet goes to a prefix or a host of that name.
func (p packet) to(dest string) bool {
	if prefix, err := netip.ParsePrefix(dest); err == nil {
		return p.addr.IsValid() && prefix.Contains(p.addr)
	}
	return dest == p.dest
}

// fits says whether the packet is one that the option names. What cannot be
// known of it does not fit, and a limit always does.
func (p packet) fits(o option) bool {
	switch o.Name {
	case "--dport", "--dports", "--ports":
		return inPorts(p.port, o.Value)
	case "--state", "--ctstate":
		return strings.Contains(","+strings.ToUpper(o.Value)+",", ",NEW,")
	case "--uid-owner", "--gid-owner":
		return o.Value == "0" || o.Value == "root"
	case "--comment", "--limit", "--limit-burst", "--syn":
		return true
	case "--tcp-flags":
		return strings.HasSuffix(o.Value, " SYN")
	}
	return false
}

func inPorts(port int, list string) bool {
	for item := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(item, ":")
		if !isRange {
			to = from
		}
		low, err1 := strconv.Atoi(from)
		high, err2 := strconv.Atoi(to)
		if err1 == nil && err2 == nil && low <= port && port <= high {
			return true
		}
	}
	return false
}
