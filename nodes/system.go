package nodes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// components are the provider's units on a machine.
var components = []string{host.Kubelet, host.Containerd, host.CNS, host.NPD, host.Agent}

// subject names a unit of the machine on the timeline: kubelet/NAME.
func (m *machine) subject(unit string) string {
	return strings.TrimSuffix(unit, ".service") + "/" + m.name
}

// follow brings the machine into line with its operating system and with the
// network around it: what runs, what is blocked, what is short.
func (m *machine) follow(now time.Time) {
	if !m.Up() {
		return
	}
	m.noteFlaws()
	m.noteReboot(now)
	m.kubelet.Follow(now)
	m.followNetwork(now)
	for _, unit := range components {
		why := ""
		if !m.os.Running(unit) {
			why = unit + " does not run: " + m.os.Why(unit)
		}
		m.judge(m.subject(unit), now, why)
	}
	m.judge("node/"+m.name, now, m.ill())
	m.kubelet.CheckShort(now)
	m.f.timers.Wake(m)
}

// followNetwork notes whether packets get to the API server.
func (m *machine) followNetwork(now time.Time) {
	was := m.blocked
	m.blocked = m.f.blockage(m, m.f.apiServer)
	switch {
	case was == "" && m.blocked != "":
		m.kubelet.Disconnect()
		m.f.kubelets.TunnelChanged()
	case was != "" && m.blocked == "" && m.kubelet.Connected():
		m.kubelet.Rejoin()
	}
	m.kubelet.SetEgress(m.f.egress(m))
}

// ill says why the machine as a whole does not work; empty if it does.
func (m *machine) ill() string {
	switch {
	case m.stopped != "":
		return "the VM is " + m.stopped
	case m.problem != "":
		return "the machine does not boot: " + m.problem
	case !m.on:
		return "the machine has no power"
	case m.booting():
		return "the machine boots"
	case m.cut:
		return "the machine's network is cut"
	case m.blocked != "":
		return "the API server cannot be reached: " + m.blocked
	}
	return ""
}

// tend lets the machine's init system and its monitors do what is due.
func (m *machine) tend(now time.Time) {
	m.f.stock(now)
	_, did := m.os.Step(now)
	m.f.repaired(m, now, did)
	for _, u := range m.os.TakeUpgrades() {
		m.patched(now, u, 0)
	}
	m.follow(now)
}

// blockage says what keeps the machine's packets from an endpoint: a rule of the
// network security group, or one of its own; empty if nothing does.
func (f *Fleet) blockage(m *machine, to cloud.Endpoint) string {
	if rule, ok := f.nsg.Outbound(to.Protocol, to.Port, to); !ok {
		return fmt.Sprintf("network security group rule %s denies outbound %s %d", rule, to.Protocol, to.Port)
	}
	if rule, blocked := m.os.EgressBlocked(strings.ToLower(to.Protocol), to.Port, to.Host); blocked {
		return fmt.Sprintf("the node's iptables rule %q blocks outbound %s %d", rule, to.Protocol, to.Port)
	}
	return ""
}

// Blocked says whether something keeps the machine's packets from a registry.
func (m *machine) Blocked(registry string) bool {
	if len(m.f.nsg.Rules()) == 0 && !m.os.Drifted() {
		return false
	}
	to := cloud.Endpoint{Name: "registry", Host: registry, Protocol: "Tcp", Port: 443, Tags: []string{cloud.Internet}}
	for _, e := range m.f.endpoints {
		if e.Host == registry {
			to = e
		}
	}
	return m.f.blockage(m, to) != ""
}

// egress says which endpoints that AKS requires the machine cannot reach, and
// what keeps it from them; empty if it can reach all.
func (f *Fleet) egress(m *machine) string {
	if len(f.nsg.Rules()) == 0 && !m.os.Drifted() {
		return ""
	}
	reasons := map[string][]string{}
	for _, e := range f.endpoints {
		if why := f.blockage(m, e); why != "" {
			reasons[why] = append(reasons[why], fmt.Sprintf("%s:%d", e.Host, e.Port))
		}
	}
	var parts []string
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		parts = append(parts, why+" to "+strings.Join(reasons[why], ", "))
	}
	return strings.Join(parts, "; ")
}

// Egress says which endpoints that AKS requires a node's machine cannot reach,
// and why; empty if it can reach all.
func (f *Fleet) Egress(node string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.named(node); m != nil {
		return f.egress(m)
	}
	return ""
}

// NSG is the rules of the network security group of the nodes' subnet.
func (f *Fleet) NSG() []api.NSGRule {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.nsg.Rules()
}

// SetNSGRule makes or changes a rule of the network security group.
func (f *Fleet) SetNSGRule(rule api.NSGRule, by timeline.Actor) error {
	return f.changeNSG(by, fmt.Sprintf("network security group rule %s: %s %s %s to %s, ports %s", rule.Name, rule.Access,
		strings.ToLower(rule.Direction), rule.Protocol, rule.Destination, strings.Join(rule.Ports, ",")), func() error { return f.nsg.Set(rule) })
}

// DeleteNSGRule removes a rule of the network security group.
func (f *Fleet) DeleteNSGRule(name string, by timeline.Actor) error {
	return f.changeNSG(by, "network security group rule "+name+" is deleted", func() error { return f.nsg.Delete(name) })
}

func (f *Fleet) changeNSG(by timeline.Actor, message string, change func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := change(); err != nil {
		return err
	}
	now := time.Now()
	e := f.log.Append(timeline.Event{Time: now, Actor: by, Verb: "changed", Subject: "nsg", Message: message})
	f.patches.nsgRoot = e
	for _, m := range f.machines() {
		m.root = e
		m.follow(now)
	}
	return nil
}
