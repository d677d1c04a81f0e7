//lint:file-ignore ST1005 Errors are in the words of systemctl, apt-get and iptables.

package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of the packet filter.
const (
	maxRules  = 4096
	maxChains = 512
)

// firewall is the machine's packet filter: chains of the table filter, and the
// rules of other tables as text.
type firewall struct {
	Policies map[string]string   `json:"policies,omitempty"` // of built-in chains, if not ACCEPT
	Chains   []string            `json:"chains,omitempty"`   // that were made
	Rules    map[string][]rule   `json:"rules,omitempty"`
	Other    map[string][]string `json:"other,omitempty"` // by "table/CHAIN"
}

// iptables is the packet filter. It is in the kernel's memory.
type iptables struct{ m *machine }

var builtin = []string{"INPUT", "FORWARD", "OUTPUT"}

var (
	errNoChain = errors.New("iptables: No chain/target/match by that name.")
	errNoRule  = errors.New("iptables: Bad rule (does a matching rule exist in that chain?).")
)

func (t *iptables) filter() *firewall {
	return &t.m.d.Firewall
}

func (t *iptables) editFilter() *firewall {
	d := t.m.change()
	d.changes++
	f := &d.Firewall
	makeMap(&f.Policies)
	makeMap(&f.Rules)
	makeMap(&f.Other)
	return f
}

func (f *firewall) has(chain string) bool {
	return slices.Contains(builtin, chain) || slices.Contains(f.Chains, chain)
}

func (f *firewall) count() (n int) {
	for _, r := range f.Rules {
		n += len(r)
	}
	for _, r := range f.Other {
		n += len(r)
	}
	return n
}

// otherTable says whether a chain is written "table/CHAIN" with a table that
// is not filter.
func otherTable(chain string) bool {
	table, _, ok := strings.Cut(chain, "/")
	return ok && slices.Contains([]string{"nat", "mangle", "raw", "security"}, table)
}

// Chains returns the chains of table filter, the built-in ones first.
func (t *iptables) Chains() []string {
	return append(slices.Clone(builtin), t.filter().Chains...)
}

// Policy returns a built-in chain's policy; "" for others.
func (t *iptables) Policy(chain string) string {
	if !slices.Contains(builtin, chain) {
		return ""
	}
	if p := t.filter().Policies[chain]; p != "" {
		return p
	}
	return "ACCEPT"
}

// SetPolicy sets a built-in chain's policy, ACCEPT or DROP.
func (t *iptables) SetPolicy(chain, policy string) error {
	if policy != "ACCEPT" && policy != "DROP" {
		return errors.New("iptables: Bad policy name. Run `dmesg' for more information.")
	}
	if !slices.Contains(builtin, chain) {
		return errors.New("iptables: Bad built-in chain name.")
	}
	if f := t.editFilter(); policy == "ACCEPT" {
		delete(f.Policies, chain)
	} else {
		f.Policies[chain] = policy
	}
	return nil
}

// NewChain makes a chain, as iptables -N does.
func (t *iptables) NewChain(chain string) error {
	switch {
	case !plainName(chain) || len(chain) > 28 || strings.HasPrefix(chain, "-"):
		return fmt.Errorf("iptables v1.8.7 (nf_tables): chain name `%s' too long or invalid (must be under 29 chars)", clip(chain))
	case t.filter().has(chain) || slices.Contains(targets, chain):
		return errors.New("iptables: Chain already exists.")
	case len(t.filter().Chains) >= maxChains:
		return errNoMemory
	}
	f := t.editFilter()
	f.Chains = append(f.Chains, chain)
	return nil
}

// DeleteChain deletes an empty chain that no rule jumps to, as iptables -X
// does; "" is all such chains.
func (t *iptables) DeleteChain(chain string) error {
	f := t.filter()
	if chain == "" {
		for _, c := range slices.Clone(f.Chains) {
			if len(f.Rules[c]) == 0 && !f.wanted(c) {
				f.forgetChain(c)
			}
		}
		return nil
	}
	switch {
	case !slices.Contains(f.Chains, chain):
		return errNoChain
	case len(f.Rules[chain]) > 0:
		return errors.New("iptables: Directory not empty.")
	case f.wanted(chain):
		return errors.New("iptables: Too many links.")
	}
	f.forgetChain(chain)
	return nil
}

// wanted says whether a rule jumps to the chain.
func (f *firewall) wanted(chain string) bool {
	for _, rules := range f.Rules {
		for _, r := range rules {
			if r.Target == chain {
				return true
			}
		}
	}
	return false
}

func (f *firewall) forgetChain(chain string) {
	f.Chains = slices.DeleteFunc(f.Chains, func(c string) bool { return c == chain })
	delete(f.Rules, chain)
}

// Rules returns a chain's rules. The chain of another table than filter is
// written "nat/POSTROUTING"; its rules are kept as text.
func (t *iptables) Rules(chain string) ([]Rule, error) {
	f := t.filter()
	if !otherTable(chain) && !f.has(chain) {
		return nil, errNoChain
	}
	var list []Rule
	for _, text := range f.Other[chain] {
		list = append(list, Rule{text})
	}
	for _, r := range f.Rules[chain] {
		list = append(list, Rule{r.text()})
	}
	return list, nil
}

// AddRule appends a rule to a chain, or inserts it before number at if that is
// not 0. Several addresses make several rules.
func (t *iptables) AddRule(chain string, at int, args []string) error {
	if t.filter().count() >= maxRules {
		return errNoMemory
	}
	if otherTable(chain) {
		f := t.editFilter()
		return insert(f.Other, chain, at, []string{clip(strings.Join(args, " "))})
	}
	if !t.filter().has(chain) {
		return errNoChain
	}
	rules, err := parseRule(args, t.filter().has)
	if err != nil {
		return err
	}
	return insert(t.editFilter().Rules, chain, at, rules)
}

func insert[R any](chains map[string][]R, chain string, at int, rules []R) error {
	if at == 0 {
		chains[chain] = append(chains[chain], rules...)
		return nil
	}
	if at < 1 || at > len(chains[chain])+1 {
		return errors.New("iptables: Index of insertion too big.")
	}
	chains[chain] = slices.Insert(chains[chain], at-1, rules...)
	return nil
}

// HasRule fails if a chain has not all rules that arguments make.
func (t *iptables) HasRule(chain string, args []string) error {
	rules, err := parseRule(args, t.filter().has)
	for _, r := range rules {
		if !slices.ContainsFunc(t.filter().Rules[chain], func(o rule) bool { return o.text() == r.text() }) {
			return errNoRule
		}
	}
	return err
}

// DeleteRule deletes a chain's rule of that number, or if it is 0 the first
// rule that was made by the same arguments.
func (t *iptables) DeleteRule(chain string, number int, args []string) error {
	if number < 0 {
		return fmt.Errorf("iptables v1.8.7 (nf_tables): Invalid rule number `%d'", number)
	}
	if otherTable(chain) {
		text := strings.Join(args, " ")
		return remove(t.editFilter().Other, chain, number, func(s string) bool { return s == text })
	}
	if !t.filter().has(chain) {
		return errNoChain
	}
	f := t.editFilter()
	if number > 0 {
		return remove(f.Rules, chain, number, nil)
	}
	rules, err := parseRule(args, f.has)
	if err != nil {
		return err
	}
	for _, r := range rules {
		text := r.text()
		if err := remove(f.Rules, chain, 0, func(o rule) bool { return o.text() == text }); err != nil {
			return err
		}
	}
	return nil
}

func remove[R any](chains map[string][]R, chain string, number int, same func(R) bool) error {
	i := number - 1
	if number == 0 {
		if i = slices.IndexFunc(chains[chain], same); i < 0 {
			return errNoRule
		}
	}
	if i >= len(chains[chain]) {
		return errors.New("iptables: Index of deletion too big.")
	}
	chains[chain] = slices.Delete(chains[chain], i, i+1)
	return nil
}

// Flush deletes a chain's rules, or those of all chains of table filter if
// chain is "". Policies stay.
func (t *iptables) Flush(chain string) error {
	f := t.editFilter()
	switch {
	case chain == "":
		clear(f.Rules)
	case otherTable(chain):
		delete(f.Other, chain)
	case !f.has(chain):
		return errNoChain
	default:
		delete(f.Rules, chain)
	}
	return nil
}
