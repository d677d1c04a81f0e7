package kubelet

import (
	"fmt"
	"strings"
	"time"

	"demarc/nodes/timers"

	corev1 "k8s.io/api/core/v1"
)

// The kinds of probes, as indices of container.probes.
const (
	startupProbe = iota
	readinessProbe
	livenessProbe
)

// probeNames is how the kubelet writes each kind.
var probeNames = [...]string{startupProbe: "Startup", readinessProbe: "Readiness", livenessProbe: "Liveness"}

// outcome is what a probe has settled on.
type outcome int

const (
	undecided outcome = iota // no threshold was reached yet
	succeeded
	failed
)

// probe is the state of one probe of one instance of a container.
type probe struct {
	next    time.Time // when to ask next; zero is not yet planned
	asking  bool
	last    bool // the last answer
	run     int  // how many answers were the same in a row
	outcome outcome
	held    bool // decided for this instance: not asked again
}

// record takes an answer, and says whether the probe has settled on something
// else than before.
func (s *probe) record(ok bool, spec *corev1.Probe, kind int) (changed bool) {
	if s.run > 0 && s.last == ok {
		s.run++
	} else {
		s.last, s.run = ok, 1
	}
	result, threshold := failed, spec.FailureThreshold
	if ok {
		result, threshold = succeeded, spec.SuccessThreshold
	}
	if int32(s.run) < threshold {
		return false
	}
	changed = s.outcome != result
	s.outcome = result
	if kind == startupProbe || kind == livenessProbe && result == failed {
		s.held, s.run = true, 0
	}
	return changed
}

// resume makes a restarted kubelet ask again. What was found out stays.
func (s *probe) resume() {
	s.next = time.Time{}
	s.asking = false
	s.run = 0
}

// probeSpecs are the container's probes by kind; nil where it has none.
func probeSpecs(c *corev1.Container) [3]*corev1.Probe {
	return [3]*corev1.Probe{startupProbe: c.StartupProbe, readinessProbe: c.ReadinessProbe, livenessProbe: c.LivenessProbe}
}

// started says whether the container has started in the kubelet's sense: it
// runs, and its startup probe, if any, has succeeded.
func (c *container) started() bool {
	if c.state != running {
		return false
	}
	s := c.spec()
	return s == nil || s.StartupProbe == nil || c.probes[startupProbe].outcome == succeeded
}

// ready says whether the container is ready.
func (c *container) ready() bool {
	if c.init && !c.sidecar {
		return c.completed()
	}
	if !c.started() {
		return false
	}
	s := c.spec()
	return s == nil || s.ReadinessProbe == nil || c.probes[readinessProbe].outcome == succeeded
}

// scheduleProbes asks what is due and plans the next time. Each probe has its
// own beat, which runs from the kubelet's first sight of the pod, as a prober's
// worker does.
func (c *container) scheduleProbes(now time.Time) {
	if c.init && !c.sidecar || c.posting {
		return
	}
	for kind, spec := range probeSpecs(c.spec()) {
		if spec == nil || !c.probed(kind) {
			continue
		}
		s := &c.probes[kind]
		period := time.Duration(max(spec.PeriodSeconds, 1)) * time.Second
		first := c.startedAt.Add(time.Duration(spec.InitialDelaySeconds) * time.Second)
		if s.next.IsZero() {
			s.next = beatAfter(c.p.admitted, period, first)
			if kind == readinessProbe && c.spec().StartupProbe != nil {
				s.next = timers.Later(first, now) // asked at once when start-up is over
			}
		}
		if !now.Before(s.next) && !s.asking {
			s.asking = true
			s.next = s.next.Add(period)
			if !s.next.After(now) {
				s.next = beatAfter(s.next, period, now.Add(1))
			}
			c.ask(kind, spec, now)
		}
		c.p.at(s.next)
	}
}

// probed says whether a probe is asked at present.
func (c *container) probed(kind int) bool {
	switch {
	case c.probes[kind].held:
		return false
	case kind == startupProbe:
		return !c.started()
	case kind == livenessProbe && c.p.spec.DeletionTimestamp != nil:
		return false
	}
	return c.started()
}

// beatAfter is the first beat of a period, counted from start, that is not
// before t, on a whole second.
func beatAfter(start time.Time, period time.Duration, t time.Time) time.Time {
	if t.After(start) {
		n := (t.Sub(start) + period - 1) / period
		start = start.Add(n * period)
	}
	return timers.Tick(start)
}

// answered takes a probe's answer. The lock is held.
func (c *container) answered(id string, kind int, ok bool, output string, now time.Time) {
	if c.id != id {
		return // another instance by now
	}
	s := &c.probes[kind]
	s.asking = false
	spec := c.spec()
	if c.state != running || spec == nil || probeSpecs(spec)[kind] == nil || !c.p.k.Running {
		return
	}
	if !ok {
		c.p.event(now, warning, "Unhealthy", probeNames[kind]+" probe failed: "+output, c.field())
	}
	if s.record(ok, probeSpecs(spec)[kind], kind) || !ok {
		c.p.k.ks.Timers.Wake(c.p)
	}
}

// check stops containers whose liveness or startup probe has failed.
func (p *pod) check(now time.Time) {
	for _, c := range p.containers {
		if c.state != running || !c.termAt.IsZero() {
			continue
		}
		for _, kind := range []int{livenessProbe, startupProbe} {
			if s := &c.probes[kind]; s.outcome == failed && s.held {
				c.killUnhealthy(kind, now)
				break
			}
		}
		p.at(c.advance(now))
	}
}

func (c *container) killUnhealthy(kind int, now time.Time) {
	spec := probeSpecs(c.spec())[kind]
	word := strings.ToLower(probeNames[kind])
	message := fmt.Sprintf("Container %s failed %s probe", c.name, word)
	if c.p.spec.Spec.RestartPolicy != corev1.RestartPolicyNever {
		message += ", will be restarted"
	}
	grace := c.p.grace()
	if spec != nil && spec.TerminationGracePeriodSeconds != nil {
		grace = time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
	}
	c.tell(now, "killed", fmt.Sprintf("the node's kubelet stops the container: its %s probe failed", word))
	c.stop(now, grace, message)
}
