package coredns

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// directives are those that a Corefile may have, in the order in which plugins see a question
// (CoreDNS 1.12, plugin.cfg).
var directives = strings.Fields(`root metadata geoip cancel tls quic timeouts multisocket reload nsid bufsize bind debug trace ready health pprof
	prometheus errors log dnstap local dns64 acl any chaos loadbalance tsig cache rewrite header dnssec autopath minimal template transfer hosts
	route53 azure clouddns k8s_external kubernetes file auto secondary etcd loop forward grpc erratic whoami on sign view`)

// once are the plugins of which a server block may have only one.
var once = strings.Fields("cache dnssec errors grpc hosts kubernetes loop nsid pprof prometheus ready tsig view")

// errOnce is what they say of a second one.
var errOnce = errors.New("this plugin can only be used once per Server Block")

// building is a server block while its plugins are set up.
type building struct {
	*config
	*chain
	files  Files
	zones  []string
	jitter float64
}

// setups make what a plugin's directives ask for. A plugin that has none is known, and lets
// every question pass.
var setups map[string]func(*building, []directive) error

func init() {
	setups = map[string]func(*building, []directive) error{
		"reload": (*building).reloads, "ready": (*building).isReady, "health": (*building).isHealthy, "prometheus": (*building).isMeasured,
		"errors": (*building).logsErrors, "log": (*building).logs, "loadbalance": (*building).balances,
		"cache": (*building).caches, "rewrite": (*building).rewrites, "template": (*building).templates, "hosts": (*building).hosts,
		"kubernetes": (*building).kubernetes, "forward": (*building).forwards, "loop": (*building).loops,
	}
}

// load reads a Corefile.
func load(file string, files Files, env func(string) string, jitter float64) (*config, error) {
	if _, there := files[file]; !there {
		return nil, fmt.Errorf("loading Caddyfile via flag: open %s: no such file or directory", file)
	}
	p := parser{files: files, env: env, file: file, known: directives}
	blocks, err := p.parse()
	if err != nil {
		return nil, err
	}
	c := &config{files: files, sum: sumOf(blocks), warnings: p.warnings}
	builds := make([]*building, len(blocks))
	for i, b := range blocks {
		builds[i] = &building{config: c, chain: &chain{}, files: files, jitter: jitter}
		if err := builds[i].serves(b.keys); err != nil {
			return nil, err
		}
	}
	for _, name := range directives {
		for i, b := range blocks {
			if err := builds[i].setUp(name, b); err != nil {
				return nil, fmt.Errorf("plugin/%s: %w", name, err)
			}
		}
	}
	return c, c.unique()
}

// serves adds the zones of a block.
func (b *building) serves(keys []string) error {
	for _, key := range keys {
		names, port, err := zonesOf(key)
		if err != nil {
			return err
		}
		for _, name := range names {
			b.config.zones = append(b.config.zones, &zone{name: name, port: port, chain: b.chain})
			b.zones = append(b.zones, name)
		}
	}
	return nil
}

// unique refuses a zone that two blocks are for.
func (c *config) unique() error {
	type key struct {
		name string
		port int
	}
	seen := map[key]bool{}
	for _, z := range c.zones {
		k := key{z.name, z.port}
		if seen[k] {
			return fmt.Errorf("cannot serve dns://%s.:%d - it is already defined", z.name, z.port)
		}
		seen[k] = true
	}
	return nil
}

// setUp sets a plugin up, if the block has it.
func (b *building) setUp(name string, of block) error {
	var list []directive
	for _, d := range of.directives {
		if d[0].text == name {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return nil
	}
	if len(list) > 1 && slices.Contains(once, name) {
		return errOnce
	}
	if set := setups[name]; set != nil {
		return set(b, list)
	}
	return nil
}

// lines are a directive's arguments, and the lines of its block.
func (d directive) lines() (args []token, body [][]token) {
	rest := d[1:]
	for i, t := range rest {
		if t.text == "{" || t.follows(d[i]) {
			break
		}
		args = append(args, t)
	}
	rest = rest[len(args):]
	for i, t := range rest {
		switch {
		case t.text == "{" || t.text == "}":
		case len(body) == 0 || t.follows(rest[i-1]) || rest[i-1].text == "{":
			body = append(body, []token{t})
		default:
			body[len(body)-1] = append(body[len(body)-1], t)
		}
	}
	return args, body
}

// texts are what tokens say.
func texts(tokens []token) []string {
	out := make([]string, len(tokens))
	for i, t := range tokens {
		out[i] = t.text
	}
	return out
}

// miscounted is what is said of a line that has too few words, or too many.
func miscounted(line []token) error {
	t := line[len(line)-1]
	return t.wrong("Wrong argument count or unexpected line ending after '%s'", t.text)
}

// zonesOf are the zones and the port of a key: names without their last dot, and those of a
// network written as 10.0.0.0/24.
func zonesOf(key string) (names []string, port int, err error) {
	scheme, rest, ok := strings.Cut(key, "://")
	if !ok {
		scheme, rest = "dns", key
	}
	port = cmp.Or(map[string]int{"tls": 853, "quic": 853, "grpc": 443, "https": 443, "https3": 443}[scheme], dnsPort)
	if i := strings.LastIndex(rest, ":"); i >= 0 {
		if i == len(rest)-1 {
			return nil, 0, fmt.Errorf("expecting data after last colon: %q", rest)
		}
		if n, err := strconv.Atoi(rest[i+1:]); err == nil {
			if n < 0 || n > 65535 {
				return nil, 0, fmt.Errorf("address %d: invalid port", n)
			}
			port, rest = n, rest[:i]
		}
	}
	if len(rest) > 255 {
		return nil, 0, fmt.Errorf("specified zone is too long: %d > 255", len(rest))
	}
	if net, err := netip.ParsePrefix(rest); err == nil {
		return reverseZones(net), port, nil
	}
	if !validName(rest) {
		return nil, 0, fmt.Errorf("zone is not a valid domain name: %s", rest)
	}
	return []string{normal(rest)}, port, nil
}

// normal is a name as it is compared.
func normal(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// validName says whether something can be a name in DNS.
func validName(name string) bool {
	if name == "." || name == "" {
		return true
	}
	return !slices.ContainsFunc(strings.Split(strings.TrimSuffix(name, "."), "."), func(label string) bool { return label == "" || len(label) > 63 })
}

// reverseZones are the zones that a network's addresses are in the other way round.
func reverseZones(net netip.Prefix) (zones []string) {
	net = net.Masked()
	bits, suffix, digits := 8, "in-addr.arpa", strings.Split(net.Addr().String(), ".")
	if net.Addr().Is6() {
		bits, suffix, digits = 4, "ip6.arpa", strings.Split(strings.ReplaceAll(net.Addr().StringExpanded(), ":", ""), "")
	}
	base := 10
	if bits == 4 {
		base = 16
	}
	whole := net.Bits() / bits
	name := func(digits []string) string {
		digits = slices.Clone(digits)
		slices.Reverse(digits)
		return strings.Join(append(digits, suffix), ".")
	}
	open := net.Bits() % bits
	if open == 0 {
		return []string{name(digits[:whole])}
	}
	first, _ := strconv.ParseInt(digits[whole], base, 32) // it is one
	for n := range int64(1) << (bits - open) {
		zones = append(zones, name(append(slices.Clone(digits[:whole]), strconv.FormatInt(first+n, base))))
	}
	return zones
}

// origins are the zones that a plugin is for: those it names, or else the block's.
func (b *building) origins(args []string) []string {
	if len(args) == 0 {
		return b.zones
	}
	var zones []string
	for _, a := range args {
		names, _, _ := zonesOf(a) // what cannot be one is left out
		zones = append(zones, names...)
	}
	return zones
}

// reloads: reload [INTERVAL] [JITTER].
func (b *building) reloads(list []directive) error {
	args, _ := list[0].lines()
	if len(args) > 2 {
		return miscounted(args)
	}
	spans := []time.Duration{30 * time.Second, 15 * time.Second} // the plugin's own
	for i, a := range args {
		d, err := time.ParseDuration(a.text)
		if err != nil {
			return err
		}
		spans[i] = d
	}
	switch every, jitter := spans[0], spans[1]; {
	case every < 2*time.Second:
		return fmt.Errorf("interval value must be greater or equal to %v", 2*time.Second)
	case jitter != 0 && jitter < time.Second:
		return fmt.Errorf("jitter value must be 0 or greater or equal to %v", time.Second)
	default:
		jitter = min(jitter, every/2)
		b.reload = every + time.Duration(b.jitter*float64(jitter)) - jitter/2
	}
	return nil
}

func (b *building) isReady([]directive) error    { b.ready = true; return nil }
func (b *building) isMeasured([]directive) error { b.metrics = true; return nil }
func (b *building) balances([]directive) error   { b.shuffle = true; return nil }

// isHealthy: health [ADDRESS] { lameduck SPAN }.
func (b *building) isHealthy(list []directive) error {
	for _, d := range list {
		args, body := d.lines()
		if len(args) > 1 {
			return miscounted(args)
		}
		for _, line := range body {
			if line[0].text != "lameduck" || len(line) != 2 {
				return miscounted(line)
			}
			if _, err := time.ParseDuration(line[1].text); err != nil {
				return fmt.Errorf("unable to parse lameduck duration value: '%v' : %v", line[1].text, err)
			}
		}
	}
	b.health = true
	return nil
}

// logsErrors: errors [stdout] { consolidate … }.
func (b *building) logsErrors(list []directive) error {
	args, body := list[0].lines()
	switch {
	case len(args) > 1:
		return miscounted(args)
	case len(args) == 1 && args[0].text != "stdout":
		return args[0].wrong("invalid log file: %s", args[0].text)
	}
	for _, line := range body {
		switch {
		case line[0].text == "stacktrace":
		case line[0].text != "consolidate":
			return line[0].unexpected("Unknown field " + line[0].text)
		case len(line) < 3 || len(line) > 5:
			return miscounted(line)
		}
	}
	b.errors = true
	return nil
}

// logs: log [NAMES…] { class … }.
func (b *building) logs(list []directive) error {
	for _, d := range list {
		if _, body := d.lines(); len(body) > 0 && (body[0][0].text != "class" || len(body[0]) < 2) {
			return miscounted(body[0])
		}
	}
	b.log = true
	return nil
}

// loops: the plugin that ends a server that asks itself takes no arguments.
func (b *building) loops(list []directive) error {
	if args, _ := list[0].lines(); len(args) > 0 {
		return miscounted(args)
	}
	return nil
}
