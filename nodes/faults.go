package nodes

import (
	"fmt"
	"time"

	"demarc/sim/timeline"
)

// PowerOff takes a machine's power away: its containers die at once and nobody
// is told.
func (f *Fleet) PowerOff(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "powered-off", func(m *machine, now time.Time) (string, error) {
		if !m.on {
			return "", fmt.Errorf("node %s is already powered off", m.name)
		}
		m.on = false
		m.kubelet = false
		m.kubeletAt = time.Time{}
		m.rules = nil
		for _, p := range m.pods {
			p.powerLost(now)
		}
		for image, at := range m.images {
			if at.After(now) { // was still being pulled
				delete(m.images, image)
			}
		}
		f.kubelet.drop(m.name)
		f.network.NodeChanged(m.name, false)
		return "the machine lost its power; all its containers died", nil
	})
}

// PowerOn boots a machine that is off. Its kubelet starts 20 s later.
func (f *Fleet) PowerOn(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "powered-on", func(m *machine, now time.Time) (string, error) {
		if m.on {
			return "", fmt.Errorf("node %s is already powered on", m.name)
		}
		m.on = true
		m.rebooted = true
		m.boots++
		m.kubeletAt = tick(now.Add(bootTime))
		f.network.NodeChanged(m.name, !m.cut)
		f.wake(m)
		return "the machine boots", nil
	})
}

// CutNetwork separates a machine from everything else. What runs on it goes on.
func (f *Fleet) CutNetwork(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "cut", func(m *machine, _ time.Time) (string, error) {
		if m.cut {
			return "", fmt.Errorf("the network of node %s is already cut", m.name)
		}
		m.cut = true
		f.kubelet.drop(m.name)
		f.network.NodeChanged(m.name, false)
		return "the machine's network is cut; what runs on it goes on", nil
	})
}

// RestoreNetwork undoes [Fleet.CutNetwork].
func (f *Fleet) RestoreNetwork(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "restored", func(m *machine, _ time.Time) (string, error) {
		if !m.cut {
			return "", fmt.Errorf("the network of node %s is not cut", m.name)
		}
		m.cut = false
		f.network.NodeChanged(m.name, m.on)
		if m.connected() {
			m.rejoin()
		}
		f.wake(m)
		f.wake(&f.proxy)
		return "the machine's network is up again", nil
	})
}

// StopKubelet stops a machine's kubelet. Containers go on, but nobody restarts,
// probes or stops them.
func (f *Fleet) StopKubelet(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "stopped", func(m *machine, _ time.Time) (string, error) {
		switch {
		case !m.on:
			return "", fmt.Errorf("node %s is powered off", m.name)
		case !m.kubelet && !m.booting():
			return "", fmt.Errorf("the kubelet of node %s is already stopped", m.name)
		}
		m.kubelet, m.rebooted = false, false
		m.kubeletAt = time.Time{}
		f.kubelet.drop(m.name)
		return "the kubelet is stopped; containers go on", nil
	})
}

// StartKubelet starts a stopped kubelet, which brings its node into line.
func (f *Fleet) StartKubelet(node string, by timeline.Actor) (timeline.Event, error) {
	return f.fault(node, by, "started", func(m *machine, now time.Time) (string, error) {
		switch {
		case !m.on:
			return "", fmt.Errorf("node %s is powered off", m.name)
		case m.kubelet:
			return "", fmt.Errorf("the kubelet of node %s already runs", m.name)
		}
		m.startKubelet(now)
		return "the kubelet is started", nil
	})
}

// kubeletStarted is the start of the kubelet at the end of a boot.
func (m *machine) kubeletStarted(now time.Time) {
	m.cause = m.f.log.Append(timeline.Event{
		Time: now, Actor: timeline.Node, Verb: "started", Subject: "kubelet/" + m.name,
		Cause: m.cause, Message: "the machine has booted and starts its kubelet",
	}).Seq
	m.startKubelet(now)
}

// fault changes a machine and records it.
func (f *Fleet) fault(node string, by timeline.Actor, verb string,
	change func(m *machine, now time.Time) (message string, err error)) (timeline.Event, error) {
	m, err := f.find(node)
	if err != nil {
		return timeline.Event{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	message, err := change(m, now)
	if err != nil {
		return timeline.Event{}, err
	}
	subject := "node/" + m.name
	if verb == "stopped" || verb == "started" {
		subject = "kubelet/" + m.name
	}
	e := f.log.Append(timeline.Event{Time: now, Actor: by, Verb: verb, Subject: subject, Message: message})
	m.cause = e.Seq
	if !m.on {
		for _, p := range m.pods {
			p.blame(now, e.Seq)
		}
	}
	return e, nil
}

// CrashContainer ends a running container with an exit code and a reason: Error
// or OOMKilled; empty means the usual one of the code.
func (f *Fleet) CrashContainer(namespace, pod, name string, exitCode int, reason string, by timeline.Actor) (timeline.Event, error) {
	if exitCode < 0 || exitCode > 255 {
		return timeline.Event{}, fmt.Errorf("exit code %d: want 0 to 255", exitCode)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.container(namespace, pod, name)
	if err != nil {
		return timeline.Event{}, err
	}
	if c.state != running {
		return timeline.Event{}, fmt.Errorf("container %s of pod %s/%s does not run", c.name, namespace, pod)
	}
	now := time.Now()
	if reason == "" {
		reason = exitReason(exitCode)
	}
	e := f.log.Append(timeline.Event{
		Time: now, Actor: by, Verb: "crashed", Subject: c.subject(),
		Message: fmt.Sprintf("the container ended with exit code %d (%s)", exitCode, reason),
	})
	c.exit(now, exitCode, reason)
	c.cause = e.Seq
	f.wake(c.p)
	return e, nil
}

// container finds a container by pod; an empty name means the pod's first. The
// lock is held.
func (f *Fleet) container(namespace, pod, name string) (*container, error) {
	p := f.podNamed(namespace, pod)
	if p == nil {
		return nil, fmt.Errorf("pod %s/%s is on no node", namespace, pod)
	}
	for _, c := range p.containers {
		if c.name == name || name == "" && !c.init {
			return c, nil
		}
	}
	return nil, fmt.Errorf("pod %s/%s has no container %q", namespace, pod, name)
}
