package nodes

import (
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/sim/timeline"
)

// components are the provider's units on a machine.
var components = []string{host.Kubelet, host.Containerd, host.CNS, host.NPD, host.Agent}

// subject names a unit of the machine on the timeline: kubelet/NAME.
func (m *machine) subject(unit string) string {
	return strings.TrimSuffix(unit, ".service") + "/" + m.Name
}

// follow brings the machine into line with its operating system and with the
// network around it: what runs, what is blocked, what is short.
func (m *machine) follow(now time.Time) {
	if !m.Up() {
		return
	}
	m.NoteFlaws(m.OS.Flawed())
	m.noteReboot(now)
	m.kubelet.Follow(now)
	m.followNetwork(now)
	for _, unit := range components {
		why := ""
		if !m.OS.Running(unit) {
			why = unit + " does not run: " + m.OS.Why(unit)
		}
		m.Judge(m.subject(unit), now, why)
	}
	m.Judge("node/"+m.Name, now, m.Ill())
	m.followMonitors(now)
	m.kubelet.CheckShort(now)
	m.f.timers.Wake(m)
}

// follow is a machine's, by its node's name. The lock is held.
func (f *scaleSet) follow(node string, now time.Time) {
	if m := f.named(node); m != nil {
		m.follow(now)
	}
}

// followMonitors notes which of the monitors do not run: what they look after is out for
// longer then.
func (m *machine) followMonitors(now time.Time) {
	for _, unit := range []string{host.KubeletMonitor, host.ContainerdMonitor} {
		runs := m.OS.Running(unit)
		if runs != m.unwatched[unit] {
			continue
		}
		if m.unwatched == nil {
			m.unwatched = map[string]bool{}
		}
		m.unwatched[unit] = !runs
		verb := timeline.Verb("inactive")
		if runs {
			verb = "active"
		}
		m.Tell(now, verb, m.subject(unit), "", m.Root.Seq)
	}
}

// followNetwork notes whether packets get to the API server.
func (m *machine) followNetwork(now time.Time) {
	was := m.Blocked
	m.Blocked = m.f.subnet.blockage(m.OS, m.f.subnet.apiServer)
	switch {
	case was == "" && m.Blocked != "":
		if m.f.subnet.denies(m.f.subnet.apiServer) { // also if the machine is newer than the rule
			m.BecauseOf(m.f.subnet.root)
		}
		m.kubelet.Disconnect()
		m.f.kubelets.TunnelChanged()
	case was != "" && m.Blocked == "" && m.kubelet.Connected():
		m.kubelet.Rejoin()
	}
	m.kubelet.SetEgress(m.f.subnet.egress(m.OS))
}

// tend lets the machine's init system and its monitors do what is due.
func (m *machine) tend(now time.Time) {
	m.f.stock(now)
	_, did := m.OS.Step(now)
	m.f.repaired(m, now, did)
	for _, u := range m.OS.TakeUpgrades() {
		m.patched(now, u, 0)
	}
	m.follow(now)
}

// Egress says which endpoints that AKS requires a node's machine cannot reach,
// and why; empty if it can reach all.
func (f *scaleSet) Egress(node string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.named(node); m != nil {
		return f.subnet.egress(m.OS)
	}
	return ""
}
