package nodes

import (
	"fmt"
	"syscall"
	"time"

	"demarc/nodes/host"
	"demarc/sim/timeline"
)

// PowerOff takes a machine's power away: its containers die at once and nobody
// is told. It has none until [Fleet.PowerOn], whatever the cloud is asked for.
func (f *Fleet) PowerOff(node string, by timeline.Actor) (timeline.Event, error) {
	const why = "the machine lost its power; all its containers died"
	return f.fault(node, by, "node", "powered-off", func(m *machine) (string, error) {
		if m.dark {
			return "", fmt.Errorf("node %s is already powered off", m.name)
		}
		return why, nil
	}, func(m *machine, now time.Time) {
		m.dark = true
		m.lose(now, why)
	})
}

// PowerOn boots a machine that is off. Its kubelet starts 20 s later. If power
// comes back to a machine that somebody has stopped through the cloud, it stays so.
func (f *Fleet) PowerOn(node string, by timeline.Actor) (timeline.Event, error) {
	if how := f.stoppedInTheDark(node); how != "" {
		return f.fault(node, by, "node", "repowered", func(*machine) (string, error) {
			return "the machine has power again, and stays " + how + " as somebody has asked the cloud for", nil
		}, func(m *machine, _ time.Time) { m.dark = false })
	}
	return f.fault(node, by, "node", "powered-on", func(m *machine) (string, error) {
		if m.on && !m.dark {
			return "", fmt.Errorf("node %s is already powered on", m.name)
		}
		return "the machine boots", nil
	}, func(m *machine, now time.Time) {
		m.dark, m.stopped = false, ""
		m.boot(now, 0)
	})
}

// stoppedInTheDark is how somebody has stopped a machine that has no power; empty
// if nobody has, or it has power.
func (f *Fleet) stoppedInTheDark(node string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.machines() {
		if m.name == node && m.dark && m.stopped != deleted {
			return m.stopped
		}
	}
	return ""
}

// CutNetwork separates a machine from everything else. What runs on it goes on.
func (f *Fleet) CutNetwork(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "node", "cut", func(m *machine) (string, error) {
		if m.cut {
			return "", fmt.Errorf("the network of node %s is already cut", m.name)
		}
		return "the machine's network is cut; what runs on it goes on", nil
	}, func(m *machine, now time.Time) {
		m.cut = true
		m.kubelet.Disconnect()
		f.kubelets.TunnelChanged()
		f.network.NodeChanged(m.name, false)
		m.follow(now)
	})
}

// RestoreNetwork undoes [Fleet.CutNetwork].
func (f *Fleet) RestoreNetwork(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "node", "restored", func(m *machine) (string, error) {
		if !m.cut {
			return "", fmt.Errorf("the network of node %s is not cut", m.name)
		}
		return "the machine's network is up again", nil
	}, func(m *machine, now time.Time) {
		m.cut = false
		f.network.NodeChanged(m.name, m.reachable())
		if m.kubelet.Connected() {
			m.kubelet.Rejoin()
		}
		m.follow(now)
		f.timers.Wake(m)
		f.timers.Wake(&f.proxy)
	})
}

// StopKubelet stops a machine's kubelet, which then stays down until
// [Fleet.StartKubelet], whatever the node does about it. Containers go on, but
// nobody restarts, probes or stops them.
func (f *Fleet) StopKubelet(node string, by timeline.Actor) (timeline.Event, error) {
	return f.endKubelet(node, by, "stopped", true, func(m *machine, now time.Time) error { return m.os.StopUnit(now, host.Kubelet) })
}

// CrashKubelet ends a machine's kubelet at once, or stops it in good order; if it
// is not held, the node is left to notice that, and to start it again.
func (f *Fleet) CrashKubelet(node string, by timeline.Actor, inOrder, hold bool) (timeline.Event, error) {
	if inOrder {
		return f.endKubelet(node, by, "stopped", hold, func(m *machine, now time.Time) error { return m.os.StopUnit(now, host.Kubelet) })
	}
	return f.endKubelet(node, by, "crashed", hold, func(m *machine, now time.Time) error {
		unit, _ := m.os.Unit(host.Kubelet)
		return m.os.Kill(now, unit.PID, int(syscall.SIGKILL))
	})
}

func (f *Fleet) endKubelet(node string, by timeline.Actor, verb timeline.Verb, hold bool, end func(*machine, time.Time) error) (timeline.Event, error) {
	return f.fault(node, by, "kubelet", verb, func(m *machine) (string, error) {
		switch {
		case !m.on:
			return "", fmt.Errorf("node %s is powered off", m.name)
		case !m.kubelet.Running() && !m.booting():
			return "", fmt.Errorf("the kubelet of node %s is already stopped", m.name)
		}
		return "the kubelet is stopped; containers go on", nil
	}, func(m *machine, now time.Time) {
		m.os.Hold(host.Kubelet, hold)
		if m.kubelet.Running() {
			_ = end(m, now) // one that is down already is what was asked for
		}
		m.follow(now)
	})
}

// StartKubelet starts a stopped kubelet, which brings its node into line.
func (f *Fleet) StartKubelet(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "kubelet", "started", func(m *machine) (string, error) {
		switch {
		case !m.on:
			return "", fmt.Errorf("node %s is powered off", m.name)
		case m.kubelet.Running():
			return "", fmt.Errorf("the kubelet of node %s already runs", m.name)
		}
		return "the kubelet is started", nil
	}, func(m *machine, now time.Time) {
		m.os.Hold(host.Kubelet, false)
		_ = m.os.StartUnit(now, host.Kubelet) // that it cannot run is seen
		m.follow(now)
	})
}

// fault changes a machine and records it. check says how that reads on the
// timeline, or why it cannot be.
func (f *Fleet) fault(node string, by timeline.Actor, part string, verb timeline.Verb,
	check func(m *machine) (message string, err error), change func(m *machine, now time.Time)) (timeline.Event, error) {
	m, err := f.find(node)
	if err != nil {
		return timeline.Event{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.stopped == deleted {
		return timeline.Event{}, fmt.Errorf("the VM of node %s is deleted", m.name)
	}
	message, err := check(m)
	if err != nil {
		return timeline.Event{}, err
	}
	now := time.Now()
	e := m.actsOn(now, by, verb, part+"/"+m.name, message, 0)
	change(m, now)
	return e, nil
}

// CrashContainer ends a running container with an exit code and a reason: Error
// or OOMKilled; empty means the usual one of the code.
func (f *Fleet) CrashContainer(namespace, pod, name string, exitCode int, reason string, by timeline.Actor) (timeline.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kubelets.Crash(namespace, pod, name, exitCode, reason, by)
}
