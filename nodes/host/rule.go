//lint:file-ignore ST1005 Errors are in the words of systemctl, apt-get and iptables.

package host

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// rule is one rule of table filter. A text that is negated begins with "! ".
type rule struct {
	Source  string   `json:"src,omitempty"` // a prefix or a host's name
	Dest    string   `json:"dst,omitempty"`
	In      string   `json:"in,omitempty"`
	Out     string   `json:"out,omitempty"`
	Proto   string   `json:"proto,omitempty"`
	Matches []option `json:"matches,omitempty"`
	Target  string   `json:"target,omitempty"`
	With    []option `json:"with,omitempty"` // the target's
}

// option is an option of a match or a target, with its value.
type option struct {
	Module string `json:"m,omitempty"` // "" is the protocol's
	Name   string `json:"n"`
	Value  string `json:"v,omitempty"`
	Not    bool   `json:"not,omitempty"`
}

// targets are those that are not chains.
var targets = []string{"ACCEPT", "DROP", "REJECT", "RETURN", "LOG", "NFLOG", "QUEUE", "MARK"}

var errNoMemory = errors.New("iptables: Memory allocation problem.")

// options are the options of matches and targets: the module that has each, ""
// for the protocol's, and how many values it takes.
var options = map[string]struct {
	module string
	values int
	target bool
}{
	"--dport": {"", 1, false}, "--sport": {"", 1, false}, "--icmp-type": {"", 1, false},
	"--tcp-flags": {"", 2, false}, "--syn": {"", 0, false},
	"--dports": {"multiport", 1, false}, "--sports": {"multiport", 1, false}, "--ports": {"multiport", 1, false},
	"--state": {"state", 1, false}, "--ctstate": {"conntrack", 1, false},
	"--comment": {"comment", 1, false}, "--limit": {"limit", 1, false}, "--limit-burst": {"limit", 1, false},
	"--uid-owner": {"owner", 1, false}, "--gid-owner": {"owner", 1, false},
	"--mark": {"mark", 1, false}, "--string": {"string", 1, false}, "--algo": {"string", 1, false},
	"--match-set": {"set", 2, false}, "--probability": {"statistic", 1, false}, "--mode": {"statistic", 1, false},
	"--mac-source": {"mac", 1, false}, "--dst-range": {"iprange", 1, false}, "--src-range": {"iprange", 1, false},
	"--dst-type": {"addrtype", 1, false}, "--src-type": {"addrtype", 1, false},
	"--reject-with": {"REJECT", 1, true}, "--log-prefix": {"LOG", 1, true}, "--log-level": {"LOG", 1, true},
	"--set-mark": {"MARK", 1, true}, "--set-xmark": {"MARK", 1, true},
}

// longNames are other spellings of options.
var longNames = map[string]string{
	"--protocol": "-p", "--proto": "-p", "--source": "-s", "--src": "-s",
	"--destination": "-d", "--dst": "-d", "--in-interface": "-i", "--out-interface": "-o",
	"--jump": "-j", "--goto": "-j", "-g": "-j", "--match": "-m",
	"--destination-port": "--dport", "--source-port": "--sport",
	"--destination-ports": "--dports", "--source-ports": "--sports",
}

// ruleParser reads the arguments of a rule.
type ruleParser struct {
	args    []string
	r       rule
	sources []string
	dests   []string
	modules []string
}

// parseRule reads a rule, one for each pair of its addresses. has says whether
// a chain exists.
func parseRule(args []string, has func(string) bool) ([]rule, error) {
	p := &ruleParser{args: args}
	for len(p.args) > 0 {
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if err := p.check(has); err != nil {
		return nil, err
	}
	var rules []rule
	for _, s := range orNone(p.sources) {
		for _, d := range orNone(p.dests) {
			if len(rules) >= 256 {
				return nil, errNoMemory
			}
			r := p.r
			r.Source, r.Dest = s, d
			rules = append(rules, r)
		}
	}
	return rules, nil
}

func orNone(list []string) []string {
	if len(list) == 0 {
		return []string{""}
	}
	return list
}

func complain(format string, args ...any) error {
	return errors.New("iptables v1.8.7 (nf_tables): " + fmt.Sprintf(format, args...))
}

// next reads one option.
func (p *ruleParser) next() error {
	not := ""
	name := p.take()
	if name == "!" && len(p.args) > 0 {
		not, name = "! ", p.take()
	}
	if k, v, ok := strings.Cut(name, "="); ok && strings.HasPrefix(k, "--") {
		name, p.args = k, append([]string{v}, p.args...)
	}
	if short := longNames[name]; short != "" {
		name = short
	}
	switch name {
	case "-w", "--wait", "-4", "--ipv4", "-n", "-v":
		return nil
	}
	if !strings.HasPrefix(name, "-") {
		return complain("Bad argument `%s'", clip(name))
	}
	o, known := options[name]
	if !known && !slices.Contains([]string{"-p", "-s", "-d", "-i", "-o", "-j", "-m", "-t", "--table"}, name) {
		return complain("unknown option \"%s\"", clip(name))
	}
	if known {
		return p.option(name, o.module, o.values, o.target, not != "")
	}
	if len(p.args) == 0 {
		return complain("option \"%s\" requires an argument", name)
	}
	return p.basic(name, not, clip(p.take()))
}

func (p *ruleParser) take() string {
	a := p.args[0]
	p.args = p.args[1:]
	return a
}

// basic takes an option that every rule may have.
func (p *ruleParser) basic(name, not, value string) (err error) {
	switch name {
	case "-p":
		p.r.Proto, err = protocol(not, value)
	case "-s":
		p.sources, err = addresses(not, value)
	case "-d":
		p.dests, err = addresses(not, value)
	case "-i":
		p.r.In = not + value
	case "-o":
		p.r.Out = not + value
	case "-j":
		p.r.Target = value
	case "-m":
		p.modules = append(p.modules, value)
	case "-t", "--table":
		if value != "filter" {
			err = complain("table %s: its chains are written %s/CHAIN here", value, value)
		}
	}
	return err
}

// option takes an option of a match or of a target.
func (p *ruleParser) option(name, module string, values int, target, not bool) error {
	if len(p.args) < values {
		return complain("option \"%s\" requires an argument", name)
	}
	o := option{Module: module, Name: name, Value: clip(strings.Join(p.args[:values], " ")), Not: not}
	p.args = p.args[values:]
	if target {
		if p.r.Target != module {
			return complain("unknown option \"%s\"", name)
		}
		p.r.With = append(p.r.With, o)
		return nil
	}
	if module != "" && !slices.Contains(p.modules, module) {
		return complain("unknown option \"%s\"", name)
	}
	if strings.HasPrefix(name, "--dport") || strings.HasPrefix(name, "--sport") || name == "--ports" {
		v, err := ports(o.Value)
		if err != nil {
			return err
		}
		o.Value = v
	}
	p.r.Matches = append(p.r.Matches, o)
	return nil
}

// check says what does not fit together in the rule.
func (p *ruleParser) check(has func(string) bool) error {
	for _, o := range p.r.Matches {
		ported := p.r.Proto == "tcp" || p.r.Proto == "udp" || p.r.Proto == "sctp"
		switch {
		case (o.Name == "--dport" || o.Name == "--sport") && !ported:
			return complain("unknown option \"%s\"", o.Name)
		case o.Module == "multiport" && !ported:
			return complain("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP")
		case (o.Name == "--syn" || o.Name == "--tcp-flags") && p.r.Proto != "tcp", o.Name == "--icmp-type" && p.r.Proto != "icmp":
			return complain("unknown option \"%s\"", o.Name)
		}
	}
	switch t := p.r.Target; {
	case t == "" || slices.Contains(targets, t):
	case slices.Contains(builtin, t) || !has(t):
		return complain("Couldn't load target `%s':No such file or directory", t)
	}
	if p.r.Target == "REJECT" && len(p.r.With) == 0 {
		p.r.With = []option{{Module: "REJECT", Name: "--reject-with", Value: "icmp-port-unreachable"}}
	}
	return nil
}

func protocol(not, value string) (string, error) {
	value = strings.ToLower(value)
	value = cmp.Or(map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "0": "all"}[value], value)
	if value == "all" {
		return "", nil
	}
	if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < 256 || slices.Contains([]string{"tcp", "udp", "icmp", "sctp", "udplite", "esp", "ah", "ipv6-icmp", "gre", "ipip"}, value) {
		return not + value, nil
	}
	return "", complain("unknown protocol \"%s\" specified", value)
}

// addresses reads a list of addresses, prefixes and names of hosts.
func addresses(not, value string) (list []string, err error) {
	for a := range strings.SplitSeq(value, ",") {
		switch prefix, err := netip.ParsePrefix(a); {
		case err == nil && prefix.Bits() == 0 && not == "":
			list = append(list, "")
		case err == nil:
			list = append(list, not+prefix.Masked().String())
		default:
			if ip, err := netip.ParseAddr(a); err == nil {
				list = append(list, not+netip.PrefixFrom(ip, ip.BitLen()).String())
			} else if plainName(a) && !strings.HasPrefix(a, "-") {
				list = append(list, not+strings.ToLower(a))
			} else {
				return nil, complain("host/network `%s' not found", a)
			}
		}
	}
	return list, nil
}

// services are the names of ports that are used most.
var services = map[string]int{
	"ssh": 22, "domain": 53, "http": 80, "ntp": 123, "https": 443, "kubelet": 10250,
}

// ports makes numbers of a list of ports and ranges.
func ports(value string) (string, error) {
	var list []string
	for item := range strings.SplitSeq(value, ",") {
		from, to, isRange := strings.Cut(item, ":")
		low, okLow := portNumber(from, 0)
		high, okHigh := portNumber(to, 65535)
		switch {
		case !okLow || isRange && !okHigh || item == "" || item == ":":
			return "", complain("invalid port/service `%s' specified", item)
		case !isRange:
			list = append(list, strconv.Itoa(low))
		case low > high:
			return "", complain("invalid portrange (min > max)")
		default:
			list = append(list, fmt.Sprintf("%d:%d", low, high))
		}
	}
	return strings.Join(list, ","), nil
}

func portNumber(s string, missing int) (int, bool) {
	if s == "" {
		return missing, true
	}
	if n, ok := services[s]; ok {
		return n, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= 65535
}

// text is the rule as iptables -S prints it.
func (r rule) text() string {
	var words []string
	add := func(name, value string) {
		if rest, not := strings.CutPrefix(value, "! "); not {
			words = append(words, "!", name, rest)
		} else if value != "" {
			words = append(words, name, value)
		}
	}
	add("-s", r.Source)
	add("-d", r.Dest)
	add("-i", r.In)
	add("-o", r.Out)
	add("-p", r.Proto)
	last := "none"
	for _, o := range r.Matches {
		module := o.Module
		if module == "" {
			module = r.Proto
		}
		if module != last {
			words = append(words, "-m", module)
			last = module
		}
		words = append(words, o.words()...)
	}
	add("-j", r.Target)
	for _, o := range r.With {
		words = append(words, o.words()...)
	}
	return strings.Join(words, " ")
}

func (o option) words() (words []string) {
	if o.Not {
		words = append(words, "!")
	}
	words = append(words, o.Name)
	if o.Name == "--comment" || o.Name == "--log-prefix" {
		return append(words, strconv.Quote(o.Value))
	}
	if o.Value != "" {
		words = append(words, o.Value)
	}
	return words
}
