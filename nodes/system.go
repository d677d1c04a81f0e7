package nodes

import (
	"fmt"
	"strings"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// runtimeUnit is the container runtime's unit.
const runtimeUnit = host.Containerd

// components are the provider's units on a machine.
var components = []string{host.Kubelet, host.Containerd, host.CNS, host.NPD, host.Agent}

// subject names a unit of the machine on the timeline: kubelet/NAME.
func (m *machine) subject(unit string) string {
	return strings.TrimSuffix(unit, ".service") + "/" + m.name
}

// follow brings the machine into line with its operating system and with the
// network around it: what runs, what is blocked, what is short.
func (m *machine) follow(now time.Time) {
	if !m.up() {
		return
	}
	m.noteFlaws()
	m.noteReboot(now)
	npd := m.npd
	m.npd = m.os.Running(host.NPD)
	m.problemsDue = m.problemsDue || m.npd && !npd
	m.followRuntime(now)
	m.followKubelet(now)
	m.followNetwork(now)
	for _, unit := range components {
		why := ""
		if !m.os.Running(unit) {
			why = unit + " does not run: " + m.os.Why(unit)
		}
		m.judge(m.subject(unit), now, why)
	}
	m.judge("node/"+m.name, now, m.ill())
	m.squeeze(now)
	m.f.wake(m)
}

// followKubelet notes that the kubelet has ended or begun. One that was restarted
// has done both since the last look.
func (m *machine) followKubelet(now time.Time) {
	runs, pid := m.os.Running(host.Kubelet), m.kubeletProcess()
	if m.kubelet && (!runs || pid != m.kubeletPID) {
		m.kubelet, m.rebooted = false, false
		m.f.kubelet.drop(m.name)
		m.problemsDue = true
	}
	if runs && !m.kubelet {
		m.startKubelet(now)
		m.problemsDue = true
	}
}

// kubeletProcess is the number of the kubelet's process; 0 if there is none.
func (m *machine) kubeletProcess() int {
	u, _ := m.os.Unit(host.Kubelet)
	return u.PID
}

// followRuntime notes that the container runtime has come or gone. Containers
// have shims of their own, and live through that.
func (m *machine) followRuntime(now time.Time) {
	runs := m.os.Running(runtimeUnit)
	if runs == m.runtime {
		return
	}
	m.runtime, m.plegTold, m.problemsDue = runs, false, true
	m.runtimeLost = time.Time{}
	if !runs {
		m.runtimeLost = now
		return
	}
	m.statusDue = true
	for _, p := range m.pods {
		p.f.wake(p)
	}
}

// followNetwork notes whether packets get to the API server.
func (m *machine) followNetwork(now time.Time) {
	was := m.blocked
	m.blocked = m.f.blockage(m, m.f.apiServer)
	switch {
	case was == "" && m.blocked != "":
		m.f.kubelet.drop(m.name)
		m.f.tunnelChanged()
	case was != "" && m.blocked == "" && m.connected():
		m.rejoin()
	}
	m.shut, m.probeAt = m.f.egress(m), time.Time{}
}

// probeInterval is how often the node problem detector probes the endpoints that
// AKS requires (Microsoft, "Node Problem Detector (NPD) in Azure Kubernetes
// Service (AKS) nodes").
const probeInterval = 30 * time.Minute

// probe lets the node problem detector say which endpoints it cannot reach. It
// returns when it probes next, if anything is closed.
func (m *machine) probe(now time.Time) time.Time {
	if m.shut == "" || !m.npd {
		return time.Time{}
	}
	if m.probeAt.IsZero() {
		m.probeAt = now.Truncate(probeInterval).Add(probeInterval)
	}
	if !now.Before(m.probeAt) {
		m.probeAt = now.Truncate(probeInterval).Add(probeInterval)
		m.events.addFrom(now, eventKey{kind: warning, reason: "EgressBlocked", message: "Required endpoints are unreachable: " + m.shut, source: npdSource})
	}
	return m.probeAt
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
	for _, why := range sortedKeys(reasons) {
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

// Conditions of the node problem detector (Microsoft, "Node Problem Detector
// (NPD) in Azure Kubernetes Service (AKS) nodes").
const (
	kubeletProblem = corev1.NodeConditionType("KubeletProblem")
	runtimeProblem = corev1.NodeConditionType("ContainerRuntimeProblem")
)

// problems are the conditions that the node problem detector posts.
func (m *machine) problems(now time.Time, before []corev1.NodeCondition) []corev1.NodeCondition {
	out := []corev1.NodeCondition{
		{Type: kubeletProblem, Status: corev1.ConditionFalse, Reason: "KubeletIsUp", Message: "kubelet service is up"},
		{Type: runtimeProblem, Status: corev1.ConditionFalse, Reason: "ContainerRuntimeIsUp", Message: "container runtime service is up"},
	}
	if !m.kubelet {
		out[0].Status, out[0].Reason, out[0].Message = corev1.ConditionTrue, "KubeletIsDown", "kubelet service is down"
	}
	if !m.runtime {
		out[1].Status, out[1].Reason, out[1].Message = corev1.ConditionTrue, "ContainerRuntimeIsDown", "container runtime service is down"
	}
	for i := range out {
		stamp(&out[i], now, before)
	}
	return out
}

// stamp gives a condition its times: one that holds as before keeps the time of
// its last change.
func stamp(c *corev1.NodeCondition, now time.Time, before []corev1.NodeCondition) {
	c.LastHeartbeatTime, c.LastTransitionTime = metav1.NewTime(now), metav1.NewTime(now)
	for _, b := range before {
		if b.Type == c.Type && b.Status == c.Status {
			c.LastTransitionTime = b.LastTransitionTime
		}
	}
}
