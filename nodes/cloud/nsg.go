// Package cloud is what lies below the nodes and belongs to no Kubernetes: the
// network security group of their subnet, the endpoints on the internet that AKS
// requires, and the sizes of virtual machines.
//
// It is a pure model: nothing here waits, sends or knows a clock. [NSG] answers
// whether a packet may pass, by the rules in the order of their priorities, first
// the customer's, then Azure's default rules. Errors are in Azure's words.
package cloud

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"demarc/sim/api"
)

// Directions and accesses of a rule.
const (
	Inbound  = "Inbound"
	Outbound = "Outbound"
	Allow    = "Allow"
	Deny     = "Deny"
)

// Any matches every protocol, port or address.
const Any = "*"

// NSG is a network security group. The zero value has only Azure's default
// rules. It is not safe for concurrent use.
type NSG struct {
	rules   []api.NSGRule // the customer's, by direction and priority
	service []api.NSGRule // those of load balancers, likewise
	merged  []api.NSGRule // both, and the default ones; nil if there are only these
}

// Rules are the customer's rules: inbound ones first, each direction by priority.
// Azure's own are [DefaultRules].
func (g *NSG) Rules() []api.NSGRule {
	list := make([]api.NSGRule, 0, len(g.rules))
	for _, r := range g.rules {
		r.Ports = slices.Clone(r.Ports)
		list = append(list, r)
	}
	return list
}

// DefaultRules are the rules that every group has behind the customer's. They
// cannot be changed.
func DefaultRules() []api.NSGRule { return slices.Clone(defaultRules) }

var defaultRules = func() []api.NSGRule {
	rule := func(name string, priority int, direction, access, source, destination string) api.NSGRule {
		return api.NSGRule{
			Name: name, Priority: priority, Direction: direction, Access: access,
			Protocol: Any, Ports: []string{Any}, Source: source, Destination: destination,
		}
	}
	return []api.NSGRule{
		rule("AllowVnetInBound", 65000, Inbound, Allow, VirtualNetwork, VirtualNetwork),
		rule("AllowAzureLoadBalancerInBound", 65001, Inbound, Allow, AzureLoadBalancer, Any),
		rule("DenyAllInBound", 65500, Inbound, Deny, Any, Any),
		rule("AllowVnetOutBound", 65000, Outbound, Allow, VirtualNetwork, VirtualNetwork),
		rule("AllowInternetOutBound", 65001, Outbound, Allow, Any, Internet),
		rule("DenyAllOutBound", 65500, Outbound, Deny, Any, Any),
	}
}()

// Set adds a rule, or replaces the one of that name. What is left empty of
// protocol, ports, source and destination is any. The error is an [api.Error], and
// then nothing has changed.
func (g *NSG) Set(r api.NSGRule) error {
	r, err := validate(r)
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(g.rules), func(x api.NSGRule) bool { return strings.EqualFold(x.Name, r.Name) })
	for _, x := range slices.Concat(rest, g.service) {
		if x.Direction == r.Direction && x.Priority == r.Priority {
			return api.Coded("SecurityRuleConflict",
				"Security rule %s conflicts with rule %s. Rules cannot have the same Priority and Direction. To learn more, see aka.ms/nsgrules.", r.Name, x.Name)
		}
	}
	g.rules = append(rest, r)
	g.merge()
	return nil
}

// merge puts the rules in the order in which they are looked at.
func (g *NSG) merge() {
	order := func(a, b api.NSGRule) int {
		return cmp.Or(strings.Compare(a.Direction, b.Direction), a.Priority-b.Priority)
	}
	slices.SortFunc(g.rules, order)
	slices.SortFunc(g.service, order)
	g.merged = slices.Concat(g.rules, g.service, defaultRules)
	slices.SortStableFunc(g.merged, order)
}

// Delete takes a rule away. The error is an [api.Error].
func (g *NSG) Delete(name string) error {
	for _, list := range []*[]api.NSGRule{&g.rules, &g.service} {
		if i := slices.IndexFunc(*list, func(x api.NSGRule) bool { return strings.EqualFold(x.Name, name) }); i >= 0 {
			*list = slices.Delete(*list, i, i+1)
			g.merge()
			return nil
		}
	}
	if isDefault(name) {
		return errDefault(name)
	}
	var names []string
	for _, x := range g.rules {
		names = append(names, x.Name)
	}
	return api.Coded("NotFound", "The security rule %s was not found.%s", name, didYouMean(name, names))
}

// Outbound says which rule decides about packets to an endpoint, and whether
// they may pass. The rule is empty if the group does not apply to the endpoint.
// The protocol is Tcp or Udp, in any case.
func (g *NSG) Outbound(protocol string, port int, dest Endpoint) (rule string, allowed bool) {
	return g.decide(Outbound, protocol, port, dest, nil)
}

// Inbound is [NSG.Outbound] for packets from an endpoint to a port of a node.
func (g *NSG) Inbound(protocol string, port int, source Endpoint) (rule string, allowed bool) {
	return g.decide(Inbound, protocol, port, source, nil)
}

// InboundTo is [NSG.Inbound] for packets to an address of a load balancer's, which these
// still have when the group looks at them.
func (g *NSG) InboundTo(protocol string, port int, source, destination Endpoint) (rule string, allowed bool) {
	return g.decide(Inbound, protocol, port, source, &destination)
}

// decide finds the rule that decides. own is the address of a load balancer's that packets
// are for; nil if they are for a node itself, of which load balancers' rules do not speak.
func (g *NSG) decide(direction, protocol string, port int, peer Endpoint, own *Endpoint) (rule string, allowed bool) {
	rules := g.merged
	if rules == nil {
		rules = defaultRules
	}
	for _, r := range rules {
		if r.Direction != direction || !matchesProtocol(r, protocol) || !matchesPort(r, port) {
			continue
		}
		matches := peer.matches(r.Destination)
		if direction == Inbound {
			matches = peer.matches(r.Source) && (own == nil && !strings.HasPrefix(r.Name, serviceRules) || own != nil && own.matches(r.Destination))
		}
		if matches {
			return r.Name, r.Access == Allow
		}
	}
	return "", true // nothing but the platform's own services gets past the last default rule
}

func matchesProtocol(r api.NSGRule, protocol string) bool {
	return r.Protocol == Any || strings.EqualFold(r.Protocol, protocol)
}

func matchesPort(r api.NSGRule, port int) bool {
	return slices.ContainsFunc(r.Ports, func(s string) bool {
		from, to, err := portRange(s)
		return err == nil && from <= port && port <= to
	})
}

// portRange reads a port, a range of ports, or *.
func portRange(s string) (from, to int, err error) {
	if s == Any {
		return 0, 65535, nil
	}
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	a, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return 0, 0, err
	}
	b, err := strconv.ParseUint(last, 10, 16)
	if err != nil {
		return 0, 0, err
	}
	if a > b {
		return 0, 0, fmt.Errorf("the range %s ends before it begins", s)
	}
	return int(a), int(b), nil
}

// matches says whether a rule's address, or one of several behind commas, stands for the
// endpoint.
func (e Endpoint) matches(address string) bool {
	if first, rest, several := strings.Cut(address, ","); several {
		return e.matches(first) || e.matches(rest)
	}
	if slices.ContainsFunc(e.Tags, func(t string) bool { return strings.EqualFold(t, address) }) {
		return true
	}
	if e.Platform {
		return false
	}
	p, err := prefix(address)
	return address == Any || err == nil && (p.Bits() == 0 || e.Address.IsValid() && p.Contains(e.Address))
}

// prefix reads an address or a prefix.
func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Prefix(a.BitLen())
	}
	return netip.ParsePrefix(s)
}

// Save returns the customer's rules as JSON.
func (g *NSG) Save() ([]byte, error) {
	return json.Marshal(g.Rules())
}

// Load replaces the customer's rules by those that were saved. If it fails,
// nothing has changed.
func (g *NSG) Load(saved []byte) error {
	var rules []api.NSGRule
	if err := json.Unmarshal(saved, &rules); err != nil {
		return fmt.Errorf("saved network security group: %w", err)
	}
	fresh := NSG{}
	for _, r := range rules {
		if err := fresh.Set(r); err != nil {
			return fmt.Errorf("saved network security group: rule %s: %w", r.Name, err)
		}
	}
	fresh.service = g.service
	fresh.merge()
	*g = fresh
	return nil
}
