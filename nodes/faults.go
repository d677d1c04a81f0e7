package nodes

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/network"
	"demarc/nodes/timers"
	"demarc/sim/timeline"
)

// faults is what scenarios do to machines.
type faults struct {
	*scaleSet
	proxy timers.Item // the rules of the kube-proxies
}

// PowerOff takes a machine's power away: its containers die at once and nobody
// is told. It has none until [Fleet.PowerOn], whatever the cloud is asked for.
func (f faults) PowerOff(node string, by timeline.Actor) (timeline.Event, error) {
	const why = "the machine lost its power; all its containers died"
	return f.fault(node, by, "node", "powered-off", func(m *machine) (string, error) {
		if m.Dark {
			return "", fmt.Errorf("node %s is already powered off", m.Name)
		}
		return why, nil
	}, func(m *machine, now time.Time) {
		m.Dark = true
		m.lose(now, why)
	})
}

// PowerOn boots a machine that is off. Its kubelet starts 20 s later. If power
// comes back to a machine that somebody has stopped through the cloud, it stays so.
func (f faults) PowerOn(node string, by timeline.Actor) (timeline.Event, error) {
	if how := f.stoppedInTheDark(node); how != "" {
		return f.fault(node, by, "node", "repowered", func(*machine) (string, error) {
			return "the machine has power again, and stays " + how + " as somebody has asked the cloud for", nil
		}, func(m *machine, _ time.Time) { m.Dark = false })
	}
	return f.fault(node, by, "node", "powered-on", func(m *machine) (string, error) {
		switch {
		case m.On && !m.Dark:
			return "", fmt.Errorf("node %s is already powered on", m.Name)
		case m.ZoneLost:
			return "", fmt.Errorf("node %s is in zone %s, which has no power: heal zone/%[2]s", m.Name, m.Zone())
		}
		return "the machine boots", nil
	}, func(m *machine, now time.Time) {
		m.Dark, m.Stopped = false, ""
		m.boot(now, 0)
	})
}

// stoppedInTheDark is how somebody has stopped a machine that has no power; empty
// if nobody has, or it has power.
func (f faults) stoppedInTheDark(node string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.named(node); m != nil && m.Dark && !m.deleted() {
		return m.Stopped
	}
	return ""
}

// CutNetwork separates a machine from everything else. What runs on it goes on.
func (f faults) CutNetwork(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "node", "cut", func(m *machine) (string, error) {
		if m.Cut {
			return "", fmt.Errorf("the network of node %s is already cut", m.Name)
		}
		return "the machine's network is cut; what runs on it goes on", nil
	}, func(m *machine, now time.Time) {
		m.Cut = true
		m.kubelet.Disconnect()
		f.kubelets.TunnelChanged()
		f.network.NodeChanged(m.Name, false)
		m.follow(now)
	})
}

// RestoreNetwork undoes [Fleet.CutNetwork].
func (f faults) RestoreNetwork(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "node", "restored", func(m *machine) (string, error) {
		if !m.Cut {
			return "", fmt.Errorf("the network of node %s is not cut", m.Name)
		}
		return "the machine's network is up again", nil
	}, func(m *machine, now time.Time) {
		m.Cut = false
		f.network.NodeChanged(m.Name, m.Reachable())
		if m.kubelet.Connected() {
			m.kubelet.Rejoin()
		}
		m.follow(now)
		f.timers.Wake(m)
		f.timers.Wake(f.proxy)
	})
}

// SetLinks says what is wrong with the network between machines from now on.
func (f faults) SetLinks(links []network.Link) { f.network.SetLinks(links) }

// Zones are the availability zones of all pools; none if they are in none.
func (f faults) Zones() (zones []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pools {
		zones = append(zones, p.shape.Zones...)
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

// CrashKubelet ends a machine's kubelet at once, or stops it in good order; if it
// is not held, the node is left to notice that, and to start it again.
func (f faults) CrashKubelet(node string, by timeline.Actor, inOrder, hold bool) (timeline.Event, error) {
	if inOrder {
		return f.endKubelet(node, by, "stopped", hold, func(m *machine, now time.Time) error { return m.OS.StopUnit(now, host.Kubelet) })
	}
	return f.endKubelet(node, by, "crashed", hold, func(m *machine, now time.Time) error {
		unit, _ := m.OS.Unit(host.Kubelet)
		return m.OS.Kill(now, unit.PID, int(syscall.SIGKILL))
	})
}

func (f faults) endKubelet(node string, by timeline.Actor, verb timeline.Verb, hold bool, end func(*machine, time.Time) error) (timeline.Event, error) {
	return f.fault(node, by, "kubelet", verb, func(m *machine) (string, error) {
		switch {
		case !m.On:
			return "", fmt.Errorf("node %s is powered off", m.Name)
		case !m.kubelet.Running && !m.Booting():
			return "", fmt.Errorf("the kubelet of node %s is already stopped", m.Name)
		}
		return "the kubelet is stopped; containers go on", nil
	}, func(m *machine, now time.Time) {
		m.OS.Hold(host.Kubelet, hold)
		if m.kubelet.Running {
			_ = end(m, now) // one that is down already is what was asked for
		}
		m.follow(now)
	})
}

// StartKubelet starts a stopped kubelet, which brings its node into line.
func (f faults) StartKubelet(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "kubelet", "started", func(m *machine) (string, error) {
		switch {
		case !m.On:
			return "", fmt.Errorf("node %s is powered off", m.Name)
		case m.kubelet.Running:
			return "", fmt.Errorf("the kubelet of node %s already runs", m.Name)
		}
		return "the kubelet is started", nil
	}, func(m *machine, now time.Time) {
		m.OS.Hold(host.Kubelet, false)
		_ = m.OS.StartUnit(now, host.Kubelet) // that it cannot run is seen
		m.follow(now)
	})
}

// fault changes a machine and records it. check says how that reads on the
// timeline, or why it cannot be.
func (f faults) fault(node string, by timeline.Actor, part string, verb timeline.Verb,
	check func(m *machine) (message string, err error), change func(m *machine, now time.Time)) (timeline.Event, error) {
	m, err := f.find(node)
	if err != nil {
		return timeline.Event{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.deleted() {
		return timeline.Event{}, fmt.Errorf("the VM of node %s is deleted", m.Name)
	}
	message, err := check(m)
	if err != nil {
		return timeline.Event{}, err
	}
	now := time.Now()
	e := m.ActsOn(now, by, verb, part+"/"+m.Name, message, 0)
	change(m, now)
	return e, nil
}

// CrashContainer ends a running container with an exit code and a reason: Error
// or OOMKilled; empty means the usual one of the code.
func (f faults) CrashContainer(namespace, pod, name string, exitCode int, reason string, by timeline.Actor) (timeline.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kubelets.Crash(namespace, pod, name, exitCode, reason, by)
}
