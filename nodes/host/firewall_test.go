package host

import (
	"strings"
	"testing"
)

func TestRuleText(t *testing.T) {
	h := newHost()
	do(t, h.NewChain("MINE"))
	for in, want := range map[string]string{
		"-j ACCEPT -p tcp":                               "-p tcp -j ACCEPT",
		"-p tcp --dport https -j DROP":                   "-p tcp -m tcp --dport 443 -j DROP",
		"--protocol=udp --destination-port 53 -j REJECT": "-p udp -m udp --dport 53 -j REJECT --reject-with icmp-port-unreachable",
		"-d 10.1.2.3 -j DROP":                            "-d 10.1.2.3/32 -j DROP",
		"-d 10.1.2.3/8 -j DROP":                          "-d 10.0.0.0/8 -j DROP",
		"! -d 10.0.0.0/8 -j MINE":                        "! -d 10.0.0.0/8 -j MINE",
		"-d MCR.microsoft.com -j DROP":                   "-d mcr.microsoft.com -j DROP",
		"-m conntrack --ctstate NEW -j DROP":             "-m conntrack --ctstate NEW -j DROP",
		"-p tcp -m multiport --dports 80,443 -j DROP":    "-p tcp -m multiport --dports 80,443 -j DROP",
		"-m comment --comment test -o eth0 -j DROP":      `-o eth0 -m comment --comment "test" -j DROP`,
		"-w -d 0.0.0.0/0 -j DROP":                        "-j DROP",
	} {
		do(t, h.Flush("OUTPUT"))
		do(t, h.AddRule("OUTPUT", 0, strings.Fields(in)))
		if rules, _ := h.Rules("OUTPUT"); len(rules) != 1 || rules[0].Text != want {
			t.Errorf("%s is %v, want %s", in, rules, want)
		}
		do(t, h.DeleteRule("OUTPUT", 0, strings.Fields(in)))
	}
}

func TestFirewallErrors(t *testing.T) {
	h := newHost()
	add := func(chain string, at int, args string) error { return h.AddRule(chain, at, strings.Fields(args)) }
	for _, c := range []struct {
		err  error
		want string
	}{
		{add("NOPE", 0, "-j DROP"), "iptables: No chain/target/match by that name."},
		{add("OUTPUT", 0, "-j NOPE"), "Couldn't load target `NOPE'"},
		{add("OUTPUT", 0, "--dport 80 -j DROP"), "unknown option \"--dport\""},
		{add("OUTPUT", 0, "-p tcp --dport 70000 -j DROP"), "invalid port/service `70000' specified"},
		{add("OUTPUT", 0, "-p nope -j DROP"), "unknown protocol \"nope\" specified"},
		{add("OUTPUT", 0, "-d 1.2.3.4/99 -j DROP"), "host/network `1.2.3.4/99' not found"},
		{add("OUTPUT", 0, "-p"), "requires an argument"},
		{add("OUTPUT", 0, "!"), "Bad argument `!'"},
		{add("OUTPUT", 0, "foo"), "Bad argument `foo'"},
		{add("OUTPUT", 5, "-j DROP"), "iptables: Index of insertion too big."},
		{h.DeleteRule("OUTPUT", 1, nil), "iptables: Index of deletion too big."},
		{h.DeleteRule("OUTPUT", 0, []string{"-j", "DROP"}), "iptables: Bad rule"},
		{h.SetPolicy("OUTPUT", "REJECT"), "iptables: Bad policy name."},
		{h.NewChain("OUTPUT"), "iptables: Chain already exists."},
		{h.DeleteChain("OUTPUT"), "iptables: No chain"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
	do(t, add("nat/POSTROUTING", 0, "-s 10.0.0.0/8 -j MASQUERADE"))
	if rules, err := h.Rules("nat/POSTROUTING"); err != nil || len(rules) != 1 {
		t.Errorf("nat: %v, %v", rules, err)
	}
}

func TestEgress(t *testing.T) {
	for name, c := range map[string]struct {
		rules  []string // of OUTPUT, or "CHAIN: rule"
		policy string
		dest   string
		want   string // "" is not blocked
	}{
		"nothing":               {nil, "ACCEPT", "mcr.microsoft.com", ""},
		"policy":                {nil, "DROP", "mcr.microsoft.com", "-P OUTPUT DROP"},
		"policy and accept":     {[]string{"-p tcp --dport 443 -j ACCEPT"}, "DROP", "mcr.microsoft.com", ""},
		"everything":            {[]string{"-j DROP"}, "ACCEPT", "1.2.3.4", "-A OUTPUT -j DROP"},
		"port":                  {[]string{"-p tcp --dport 443 -j REJECT"}, "ACCEPT", "x.io", "-A OUTPUT -p tcp -m tcp --dport 443 -j REJECT --reject-with icmp-port-unreachable"},
		"other port":            {[]string{"-p tcp --dport 80 -j DROP"}, "ACCEPT", "x.io", ""},
		"range":                 {[]string{"-p tcp --dport 400:500 -j DROP"}, "ACCEPT", "x.io", "-A OUTPUT -p tcp -m tcp --dport 400:500 -j DROP"},
		"other protocol":        {[]string{"-p udp --dport 443 -j DROP"}, "ACCEPT", "x.io", ""},
		"name":                  {[]string{"-d X.io -j DROP"}, "ACCEPT", "x.io", "-A OUTPUT -d x.io -j DROP"},
		"other name":            {[]string{"-d y.io -j DROP"}, "ACCEPT", "x.io", ""},
		"prefix":                {[]string{"-d 10.0.0.0/8 -j DROP"}, "ACCEPT", "10.2.3.4", "-A OUTPUT -d 10.0.0.0/8 -j DROP"},
		"not prefix":            {[]string{"! -d 10.0.0.0/8 -j DROP"}, "ACCEPT", "10.2.3.4", ""},
		"second of a list":      {[]string{"-d 10.0.0.1,10.0.0.2 -j DROP"}, "ACCEPT", "10.0.0.2", "-A OUTPUT -d 10.0.0.2/32 -j DROP"},
		"first match counts":    {[]string{"-j ACCEPT", "-j DROP"}, "ACCEPT", "x.io", ""},
		"loopback":              {[]string{"-o lo -j DROP"}, "ACCEPT", "x.io", ""},
		"established":           {[]string{"-m state --state ESTABLISHED,RELATED -j DROP"}, "ACCEPT", "x.io", ""},
		"log goes on":           {[]string{"-j LOG"}, "ACCEPT", "x.io", ""},
		"chain":                 {[]string{"MINE: -p tcp -j DROP", "-j MINE"}, "ACCEPT", "x.io", "-A MINE -p tcp -j DROP"},
		"return from a chain":   {[]string{"MINE: -j RETURN", "MINE: -j DROP", "-j MINE"}, "ACCEPT", "x.io", ""},
		"chain jumps to itself": {[]string{"MINE: -j MINE", "MINE: -j MINE", "MINE: -j MINE", "-j MINE"}, "ACCEPT", "x.io", ""},
	} {
		h := newHost()
		do(t, h.NewChain("MINE"))
		do(t, h.SetPolicy("OUTPUT", c.policy))
		for _, r := range c.rules {
			chain, args, ok := strings.Cut(r, ": ")
			if !ok {
				chain, args = "OUTPUT", r
			}
			do(t, h.AddRule(chain, 0, strings.Fields(args)))
		}
		rule, blocked := h.EgressBlocked("tcp", 443, c.dest)
		if rule != c.want || blocked != (c.want != "") {
			t.Errorf("%s: %q %t, want %q", name, rule, blocked, c.want)
		}
	}
}
