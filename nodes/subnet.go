package nodes

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/nodes/network"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// subnet is the nodes' subnet: its network security group, and what AKS requires
// its machines to reach.
type subnet struct {
	nsg       *cloud.NSG
	root      timeline.Event // the group's last change
	endpoints []cloud.Endpoint
	apiServer cloud.Endpoint // of these
}

func newSubnet(location string) subnet {
	s := subnet{nsg: &cloud.NSG{}, endpoints: cloud.Required(location)}
	s.apiServer = s.endpoints[slices.IndexFunc(s.endpoints, func(e cloud.Endpoint) bool { return e.Name == cloud.APIServer })]
	return s
}

// blockage says what keeps the machine's packets from an endpoint: a rule of the
// network security group, or one of its own; empty if nothing does.
func (s *subnet) blockage(os *host.Host, to cloud.Endpoint) string {
	if rule, ok := s.nsg.Outbound(to.Protocol, to.Port, to); !ok {
		return fmt.Sprintf("network security group rule %s denies outbound %s %d", rule, to.Protocol, to.Port)
	}
	if rule, blocked := os.EgressBlocked(strings.ToLower(to.Protocol), to.Port, to.Host); blocked {
		return fmt.Sprintf("the node's iptables rule %q blocks outbound %s %d", rule, to.Protocol, to.Port)
	}
	return ""
}

// denies says whether a rule of the network security group keeps machines' packets from an
// endpoint.
func (s *subnet) denies(to cloud.Endpoint) bool {
	_, ok := s.nsg.Outbound(to.Protocol, to.Port, to)
	return !ok
}

// refuses says whether something keeps a machine's packets from a registry.
func (s *subnet) refuses(os *host.Host, registry string) bool {
	if len(s.nsg.Rules()) == 0 && !os.Drifted() {
		return false
	}
	to := cloud.Endpoint{Name: "registry", Host: registry, Protocol: "Tcp", Port: 443, Tags: []string{cloud.Internet}}
	for _, e := range s.endpoints {
		if e.Host == registry {
			to = e
		}
	}
	return s.blockage(os, to) != ""
}

// egress says which endpoints that AKS requires the machine cannot reach, and
// what keeps it from them; empty if it can reach all.
func (s *subnet) egress(os *host.Host) string {
	if len(s.nsg.Rules()) == 0 && !os.Drifted() {
		return ""
	}
	reasons := map[string][]string{}
	for _, e := range s.endpoints {
		if why := s.blockage(os, e); why != "" {
			reasons[why] = append(reasons[why], fmt.Sprintf("%s:%d", e.Host, e.Port))
		}
	}
	var parts []string
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		parts = append(parts, why+" to "+strings.Join(reasons[why], ", "))
	}
	return strings.Join(parts, "; ")
}

// sshOpen says whether the network security group lets packets from the virtual
// network to port 22 of the nodes.
func (s *subnet) sshOpen() bool {
	_, allowed := s.nsg.Inbound("Tcp", 22, cloud.Endpoint{Name: "bastion", Tags: []string{cloud.VirtualNetwork}})
	return allowed
}

// webBlocked says which rule of the network security group keeps the nodes from a
// port of a host in the Internet; empty if none does.
func (s *subnet) webBlocked(port int, dest string) string {
	rule, allowed := s.nsg.Outbound("Tcp", port, cloud.Endpoint{Host: dest, Protocol: "Tcp", Port: port, Tags: []string{cloud.Internet}})
	if allowed {
		return ""
	}
	return fmt.Sprintf("network security group rule %s denies outbound Tcp %d", rule, port)
}

// outside is where clients on the internet come from.
var outside = cloud.Endpoint{Name: "internet", Tags: []string{cloud.Internet}, Address: network.Outside}

// admits says whether the network security group lets packets from the internet to a port of
// a load balancer's address.
func (s *subnet) admits(to netip.AddrPort, udp bool) bool {
	protocol := cloud.TCP
	if udp {
		protocol = cloud.UDP
	}
	_, allowed := s.nsg.InboundTo(protocol, int(to.Port()), outside, cloud.Endpoint{Address: to.Addr()})
	return allowed
}

// NSG is the rules of the network security group of the nodes' subnet.
func (f *scaleSet) NSG() []api.NSGRule {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.subnet.nsg.Rules()
}

// SecurityRules are all rules of the group but the default ones: the customer's, and those of
// load balancers.
func (f *scaleSet) SecurityRules() []api.NSGRule {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(f.subnet.nsg.Rules(), f.subnet.nsg.ServiceRules()...)
}

// SetNSGRule makes or changes a rule of the network security group.
func (f *scaleSet) SetNSGRule(rule api.NSGRule, by timeline.Actor) error {
	detail := &timeline.SecurityRule{
		Name: rule.Name, Direction: rule.Direction, Access: rule.Access, Protocol: rule.Protocol,
		Ports: slices.Clone(rule.Ports), Destination: rule.Destination,
	}
	return f.changeNSG(by, detail, fmt.Sprintf("network security group rule %s: %s %s %s to %s, ports %s", rule.Name, rule.Access,
		strings.ToLower(rule.Direction), rule.Protocol, rule.Destination, strings.Join(rule.Ports, ",")), func() error { return f.subnet.nsg.Set(rule) })
}

// DeleteNSGRule removes a rule of the network security group.
func (f *scaleSet) DeleteNSGRule(name string, by timeline.Actor) error {
	return f.changeNSG(by, &timeline.SecurityRule{Name: name}, "network security group rule "+name+" is deleted", func() error { return f.subnet.nsg.Delete(name) })
}

func (f *scaleSet) changeNSG(by timeline.Actor, rule *timeline.SecurityRule, message string, change func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := change(); err != nil {
		return err
	}
	now := time.Now()
	e := f.log.Append(timeline.Event{Time: now, Actor: by, Verb: "changed", Subject: "nsg", Message: message, Detail: &timeline.Detail{Rule: rule}})
	f.subnet.root = e
	for _, m := range f.machines() {
		m.Root = e
		m.follow(now)
	}
	return nil
}
