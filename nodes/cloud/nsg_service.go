package cloud

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"demarc/sim/api"
)

// Priorities of the rules that AKS writes for load balancers (kubernetes-sigs/
// cloud-provider-azure, pkg/consts).
const (
	minServicePriority = 500
	maxServicePriority = 4096
)

// serviceRules is what the names of these rules begin with.
const serviceRules = "k8s-azure-lb_"

// Access is who may come to a load balancer's address. What comes from the virtual network
// may by a default rule.
type Access struct {
	// Sources are address prefixes together, and Tags service tags: each of these is a rule of its own.
	Sources, Tags []string
	// DenyOthers denies all others, those in the virtual network too.
	DenyOthers bool
}

// ServiceRules are the rules of load balancers, by priority.
func (g *NSG) ServiceRules() []api.NSGRule { return slices.Clone(g.service) }

// grant is who may come to an address, at which ports of each protocol.
type grant struct {
	access Access
	ports  map[string][]int32
}

// admit has the rules let in to an address what the grants say, and nothing else.
func (g *NSG) admit(address string, grants []grant) error {
	wanted := map[string]api.NSGRule{}
	for _, x := range grants {
		sources := slices.Clone(x.access.Tags)
		if len(x.access.Sources) > 0 {
			sources = append(sources, strings.Join(x.access.Sources, ","))
		}
		for protocol, ports := range x.ports {
			for _, source := range sources {
				r := api.NSGRule{Direction: Inbound, Access: Allow, Protocol: protocol, Ports: portTexts(ports), Source: source, Destination: address}
				r.Name = serviceRules + "allow_IPv4_" + ruleID(r)
				wanted[r.Name] = r
			}
		}
		if x.access.DenyOthers {
			name := serviceRules + "deny-all_IPv4"
			wanted[name] = api.NSGRule{Name: name, Direction: Inbound, Access: Deny, Protocol: Any, Ports: []string{Any}, Source: Any, Destination: address}
		}
	}
	var rules []api.NSGRule
	for _, r := range g.service {
		to := slices.DeleteFunc(strings.Split(r.Destination, ","), func(d string) bool { return d == address })
		if _, stays := wanted[r.Name]; stays {
			to = append(to, address)
			delete(wanted, r.Name)
		}
		if len(to) > 0 {
			slices.Sort(to)
			r.Destination = strings.Join(to, ",")
			rules = append(rules, r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		r := wanted[name]
		var err error
		if r.Priority, err = g.freePriority(rules, r.Access == Deny); err != nil {
			return err
		}
		rules = append(rules, r)
	}
	g.service = rules
	g.merge()
	return nil
}

// ruleID tells rules apart by what they let in, so that addresses that let in the same share
// one.
func ruleID(r api.NSGRule) string {
	sum := md5.Sum([]byte(r.Protocol + "_" + r.Source + "_" + strings.Join(r.Ports, ",")))
	return hex.EncodeToString(sum[:])
}

// freePriority is one that no inbound rule has: of those that deny the last.
func (g *NSG) freePriority(rules []api.NSGRule, last bool) (int, error) {
	taken := map[int]bool{}
	for _, r := range slices.Concat(g.rules, rules) {
		if r.Direction == Inbound {
			taken[r.Priority] = true
		}
	}
	for i := range maxServicePriority - minServicePriority + 1 {
		p := minServicePriority + i
		if last {
			p = maxServicePriority - i
		}
		if !taken[p] {
			return p, nil
		}
	}
	return 0, errors.New("security rule priority exhausted")
}

// portTexts are ports as rules have them, in order.
func portTexts(ports []int32) (texts []string) {
	slices.Sort(ports)
	for _, p := range ports {
		texts = append(texts, strconv.Itoa(int(p)))
	}
	return texts
}

// checkServiceRules says whether saved rules are such as AKS writes.
func checkServiceRules(rules []api.NSGRule) error {
	for _, r := range rules {
		if !strings.HasPrefix(r.Name, serviceRules) || r.Priority < minServicePriority || r.Priority > maxServicePriority || len(r.Ports) == 0 {
			return fmt.Errorf("saved security rule %q is none of a load balancer's", r.Name)
		}
	}
	return nil
}
