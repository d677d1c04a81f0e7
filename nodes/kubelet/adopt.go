package kubelet

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"demarc/nodes/program"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// adopt takes over a pod that ran before the fleet was made: what its status
// says is what its machine's runtime has. A machine that is off has lost it.
func (p *pod) adopt(now time.Time) {
	s := &p.spec.Status
	if s.StartTime != nil {
		p.startTime = *s.StartTime
		p.admitted = s.StartTime.Time
	}
	p.addEphemeral()
	for _, c := range p.containers {
		list := s.ContainerStatuses
		switch {
		case c.init:
			list = s.InitContainerStatuses
		case c.ephemeral:
			list = s.EphemeralContainerStatuses
		}
		if st, ok := statusOf(list, c.name); ok {
			c.adopt(st)
		}
		if spec := c.spec(); c.state != absent && spec != nil {
			p.k.images[spec.Image] = now
		}
	}
	p.want = !terminal(s.Phase) && len(claimNames(p.spec)) > 0 // the Node says what it mounts
	p.adoptSandbox(now)
	if terminal(s.Phase) { // its reasons stay
		p.reason, p.why = s.Reason, s.Message
		p.rejected = len(s.ContainerStatuses) == 0
	}
}

// adoptSandbox takes the pod's address over, if it was still in use.
func (p *pod) adoptSandbox(now time.Time) {
	s := &p.spec.Status
	ip, err := netip.ParseAddr(s.PodIP)
	if err != nil {
		return
	}
	if terminal(s.Phase) && !slices.ContainsFunc(p.containers, func(c *container) bool { return c.state == running }) {
		p.ip, p.over = ip, true
		return
	}
	if other := p.k.ks.byIP[ip]; other != nil && other != p {
		return
	}
	p.takeSandbox(ip)
	if !p.k.m.Up() {
		p.powerLost(now)
	}
}

// lose is for a pod that the API server has from a backup: its status tells of
// containers that ended long ago.
func (p *pod) lose(now time.Time) {
	for _, c := range p.containers {
		if c.state == running {
			c.exit(now, exitKilled, "ContainerStatusUnknown")
		}
	}
	if !p.over {
		p.dropSandbox()
	}
}

// adopt takes over a container.
func (c *container) adopt(st corev1.ContainerStatus) {
	c.restarts = int(st.RestartCount)
	c.last = st.LastTerminationState.Terminated
	c.id = strings.TrimPrefix(st.ContainerID, "containerd://")
	end := st.State.Terminated
	switch {
	case st.State.Running != nil:
		c.state = running
		c.startedAt = st.State.Running.StartedAt.Time
		c.adoptProbes(st)
		return
	case st.State.Waiting != nil && c.id != "":
		// It waits for its next start: the last end is the newest instance's.
		c.waiting, c.waitsFor = st.State.Waiting.Reason, st.State.Waiting.Message
		end, c.last = c.last, nil
	}
	if end == nil {
		return
	}
	c.state = exited
	c.startedAt, c.finishedAt = end.StartedAt.Time, end.FinishedAt.Time
	c.exitCode, c.reason, c.message = int(end.ExitCode), end.Reason, end.Message
	if c.waiting == "CrashLoopBackOff" {
		c.backoff.next(c.finishedAt, c.finishedAt)
	}
}

func (c *container) adoptProbes(st corev1.ContainerStatus) {
	if ptr.Deref(st.Started, false) {
		c.probes[startupProbe] = probe{outcome: succeeded, held: true}
	}
	if st.Ready {
		c.probes[readinessProbe].outcome = succeeded
	}
}

// runAdopted gives programs to containers that were taken over, as soon as
// their configuration is known.
func (p *pod) runAdopted() {
	for _, c := range p.containers {
		if c.state != running || c.log != nil || c.spec() == nil {
			continue
		}
		if p.config.version == 0 && !selfContained(p.spec) {
			p.want = true
			return
		}
		spec, err := p.programSpec(c)
		if err != nil { // its configuration went away under it
			s := c.spec()
			spec = program.Spec{Image: s.Image, Command: s.Command, Args: s.Args, Namespace: p.namespace, Pod: p.name, Container: c.name, Annotations: p.spec.Annotations}
			c.imageOf(&spec)
		}
		c.run(spec)
		p.at(c.advance(time.Now()))
	}
}
