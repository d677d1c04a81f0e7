package login

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/host"
)

// iptables knows -A, -I, -D, -C, -L, -S, -F, -P, -N and -X, with -n, -v, --line-numbers and -t.
func iptables(_ context.Context, c *call) int {
	if !c.Root() {
		return c.Quit(4, "iptables v1.8.7 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)")
	}
	verb, table := "", "filter"
	var args []string
	numeric, verbose, numbers := false, false, false
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		if long, ok := tableVerbs[a]; ok {
			a = long
		}
		switch {
		case (a == "-t" || a == "--table") && i+1 < len(c.Args):
			i++
			table = c.Args[i]
		case a == "-n" || a == "--numeric":
			numeric = true
		case (a == "-v" || a == "--verbose") && verb != "-A":
			verbose = true
		case a == "--line-numbers":
			numbers = true
		case a == "-w" || a == "--wait":
		case verb == "" && len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.Trim(a[1:], "nvLS") == "" && strings.ContainsAny(a, "LS"):
			numeric, verbose = numeric || strings.Contains(a, "n"), verbose || strings.Contains(a, "v")
			verb = "-L"
			if strings.Contains(a, "S") {
				verb = "-S"
			}
		case verb == "" && slices.Contains([]string{"-A", "-I", "-D", "-C", "-F", "-P", "-N", "-X", "-Z"}, a):
			verb = a
		default:
			args = append(args, a)
		}
	}
	if !slices.Contains([]string{"filter", "nat", "mangle", "raw", "security"}, table) {
		return c.Quit(3, "iptables v1.8.7 (nf_tables): table '%s' does not exist\nPerhaps iptables or your kernel needs to be upgraded.", table)
	}
	if verb == "" {
		return c.Quit(2, "iptables v1.8.7 (nf_tables): no command specified\nTry `iptables -h' or 'iptables --help' for more information.")
	}
	if verb == "-L" || verb == "-S" {
		return c.rules(verb, table, args, numeric, verbose, numbers)
	}
	if table != "filter" && verb != "-F" && verb != "-Z" {
		// The rules of kube-proxy are in these tables; the machine's own are in filter.
		return c.Fail("iptables v1.8.7 (nf_tables): demarc keeps only the table filter for changes by hand")
	}
	return c.changeRules(verb, table, args)
}

var tableVerbs = map[string]string{
	"--append": "-A", "--insert": "-I", "--delete": "-D", "--check": "-C", "--list": "-L", "--list-rules": "-S", "--flush": "-F", "--policy": "-P",
	"--new-chain": "-N", "--new": "-N", "--delete-chain": "-X", "--zero": "-Z",
}

// changeRules is every command of iptables that changes something, and -C.
func (c *call) changeRules(verb, table string, args []string) int {
	chain := ""
	if len(args) > 0 {
		chain, args = args[0], args[1:]
	}
	if chain == "" && verb != "-F" && verb != "-X" && verb != "-Z" {
		return c.Quit(2, "iptables v1.8.7 (nf_tables): option \"%s\" requires an argument\nTry `iptables -h' or 'iptables --help' for more information.", verb)
	}
	known := true
	var err error
	c.do(func(_ time.Time, h *host.Host, _ Runtime) {
		known = chain == "" || slices.Contains(h.Chains(), chain)
		if known || verb == "-N" {
			err = changeRule(h, verb, table, chain, args)
		}
	})
	switch {
	case !known && verb != "-N":
		return c.Fail("iptables: No chain/target/match by that name.")
	case err != nil:
		text := err.Error()
		if !strings.HasPrefix(text, "iptables") {
			text = "iptables: " + text
		}
		return c.Fail("%s", text)
	}
	return 0
}

func changeRule(h *host.Host, verb, table, chain string, args []string) error {
	number := 0
	if len(args) > 0 && (verb == "-I" || verb == "-D") {
		if n, err := strconv.Atoi(args[0]); err == nil {
			number, args = n, args[1:]
		}
	}
	switch verb {
	case "-A":
		return h.AddRule(chain, 0, args)
	case "-I":
		return h.AddRule(chain, max(number, 1), args)
	case "-D":
		return h.DeleteRule(chain, number, args)
	case "-C":
		return h.HasRule(chain, args)
	case "-N":
		return h.NewChain(chain)
	case "-X":
		return h.DeleteChain(chain)
	case "-P":
		return h.SetPolicy(chain, strings.Join(args, " "))
	case "-F":
		if table != "filter" {
			return nil
		}
		chains := []string{chain}
		if chain == "" {
			chains = h.Chains()
		}
		for _, one := range chains {
			if err := h.Flush(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// builtinChains are those that have a policy.
var builtinChains = []string{"INPUT", "FORWARD", "OUTPUT"}

// rules prints chains as -L and -S do.
func (c *call) rules(verb, table string, args []string, numeric, verbose, numbers bool) int {
	type chain struct {
		name, policy string
		rules        []host.Rule
	}
	var all []chain
	if table != "filter" {
		all = []chain{{"PREROUTING", "ACCEPT", nil}, {"OUTPUT", "ACCEPT", nil}, {"POSTROUTING", "ACCEPT", nil}}
	} else {
		c.do(func(_ time.Time, h *host.Host, _ Runtime) {
			for _, name := range h.Chains() {
				rules, _ := h.Rules(name) // the chain is there
				all = append(all, chain{name, h.Policy(name), rules})
			}
		})
	}
	if len(args) > 0 {
		all = slices.DeleteFunc(all, func(ch chain) bool { return ch.name != args[0] })
		if len(all) == 0 {
			return c.Fail("iptables: No chain/target/match by that name.")
		}
	}
	if verb == "-S" {
		for _, ch := range all {
			if slices.Contains(builtinChains, ch.name) || ch.policy != "" && ch.policy != "-" {
				c.Printf("-P %s %s\n", ch.name, ch.policy)
			} else {
				c.Printf("-N %s\n", ch.name)
			}
		}
		for _, ch := range all {
			for _, r := range ch.rules {
				c.Printf("-A %s %s\n", ch.name, r.Text)
			}
		}
		return 0
	}
	for i, ch := range all {
		if i > 0 {
			c.Printf("\n")
		}
		switch counts := map[bool]string{true: " 0 packets, 0 bytes"}[verbose]; {
		case ch.policy != "" && ch.policy != "-":
			c.Printf("Chain %s (policy %s%s)\n", ch.name, ch.policy, counts)
		default:
			c.Printf("Chain %s (1 references)\n", ch.name)
		}
		lead := map[bool]string{true: "num  "}[numbers]
		if verbose {
			c.Printf("%s pkts bytes target     prot opt in     out     source               destination\n", lead)
		} else {
			c.Printf("%starget     prot opt source               destination         \n", lead)
		}
		for n, r := range ch.rules {
			if numbers {
				c.Printf("%-4d ", n+1)
			}
			c.Printf("%s\n", ruleRow(r.Text, numeric, verbose))
		}
	}
	return 0
}

// matchWords are what -L calls the options of matches, in front of their values.
var matchWords = map[string]string{
	"--dport": "PROTO dpt:", "--sport": "PROTO spt:", "--dports": "multiport dports ",
	"--ctstate": "ctstate ", "--state": "ctstate ", "--reject-with": "reject-with ",
}

// ruleRow is a rule in the columns of -L.
func ruleRow(text string, numeric, verbose bool) string {
	anywhere := "anywhere"
	if numeric {
		anywhere = "0.0.0.0/0"
	}
	target, proto, source, dest, in, out, more := "", "all", anywhere, anywhere, "*", "*", ""
	columns := map[string]*string{"-j": &target, "-g": &target, "-p": &proto, "-s": &source, "-d": &dest, "-i": &in, "-o": &out, "-m": new(string)}
	f := strings.Fields(text)
	for len(f) > 0 {
		name := f[0]
		next := func() (value string) {
			if f = f[1:]; len(f) > 0 {
				value = f[0]
			}
			return value
		}
		switch column, words := columns[name], matchWords[name]; {
		case column != nil:
			*column = strings.TrimSuffix(next(), "/32")
		case words != "":
			more += " " + strings.Replace(words, "PROTO", proto, 1) + next()
		case name == "--comment":
			comment := next()
			for strings.HasPrefix(comment, `"`) && !strings.HasSuffix(comment, `"`) && len(f) > 1 {
				comment += " " + next()
			}
			more += " /* " + strings.Trim(comment, `"`) + " */"
		default:
			more += " " + name
		}
		f = f[min(1, len(f)):]
	}
	if verbose {
		return fmt.Sprintf("    0     0 %-10s %-4s --  %-6s %-6s  %-20s %-20s%s", target, proto, in, out, source, dest, more)
	}
	return fmt.Sprintf("%-10s %-4s --  %-20s %-20s%s", target, proto, source, dest, more)
}

func iptablesSave(_ context.Context, c *call) int {
	if !c.Root() {
		return c.Fail("iptables-save v1.8.7 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)")
	}
	c.Printf("*filter\n")
	c.do(func(_ time.Time, h *host.Host, _ Runtime) {
		var rules []string
		for _, chain := range h.Chains() {
			policy := h.Policy(chain)
			if policy == "" {
				policy = "-"
			}
			c.Printf(":%s %s [0:0]\n", chain, policy)
			all, _ := h.Rules(chain) // the chain is there
			for _, r := range all {
				rules = append(rules, "-A "+chain+" "+r.Text)
			}
		}
		c.Print(rules)
	})
	return c.Done("COMMIT\n")
}

func ufw(_ context.Context, c *call) int {
	if !c.Root() {
		return c.Fail("ERROR: You need to be root to run this script")
	}
	if words := c.Operands(); len(words) > 0 && words[0] != "status" && words[0] != "disable" {
		return c.Fail("ERROR: demarc's ufw is never active: use iptables")
	}
	return c.Done("Status: inactive\n")
}
