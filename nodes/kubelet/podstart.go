package kubelet

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"demarc/nodes/timers"

	corev1 "k8s.io/api/core/v1"
)

// relistPeriod is how soon a kubelet notices that a container has ended
// (kubernetes 1.37, pkg/kubelet/kubelet.go: genericPlegRelistPeriod).
const relistPeriod = time.Second

// startNext starts what is to be started now: init containers one after the
// other, then the containers.
func (p *pod) startNext(now time.Time) {
	if p.done() {
		p.kill(now, p.grace())
		return
	}
	for _, c := range p.containers {
		if c.ephemeral && c.state == absent {
			p.ensure(c, now) // whatever the others do
		}
	}
	for _, c := range p.containers {
		switch {
		case c.ephemeral:
		case c.init && !c.sidecar:
			if c.completed() || p.initialised() {
				continue
			}
			if c.state == exited && !p.restartable(c) {
				p.kill(now, p.grace())
				return
			}
			p.ensure(c, now)
			return
		case c.sidecar:
			if !p.ensure(c, now) || !c.started() && !p.initialised() {
				return
			}
		case !p.ensure(c, now):
			return
		}
	}
}

// main says whether the container is one that the pod is there for.
func (c *container) main() bool { return !c.init && !c.ephemeral }

// completed says whether an init container has done its work in this sandbox.
func (c *container) completed() bool {
	return c.state == exited && c.exitCode == 0 && !c.again
}

// initialised says whether a container was started in this sandbox, so that the
// init containers are behind it.
func (p *pod) initialised() bool {
	for _, c := range p.containers {
		if c.init && c.again {
			return false
		}
		if c.main() && c.state != absent {
			return true
		}
	}
	return false
}

// done says whether all containers have ended and none is to be started again.
func (p *pod) done() bool {
	return !slices.ContainsFunc(p.containers, func(c *container) bool { return c.main() && (c.state != exited || p.restartable(c)) })
}

// restartable says whether an ended container is to be started again.
func (p *pod) restartable(c *container) bool {
	switch {
	case c.ephemeral:
		return false
	case c.again:
		return true
	}
	spec := c.spec()
	if c.init && !c.sidecar && (spec == nil || spec.RestartPolicy == nil) {
		return c.exitCode != 0 && p.spec.Spec.RestartPolicy != corev1.RestartPolicyNever
	}
	return restarts(&p.spec.Spec, spec, int32(c.exitCode))
}

// restarts says whether a container, which may be nil, is started again after an exit code:
// by its own rules, its own policy or its pod's (kubernetes 1.37, pkg/api/v1/pod:
// ContainerShouldRestart).
func restarts(pod *corev1.PodSpec, c *corev1.Container, code int32) bool {
	policy := corev1.ContainerRestartPolicy(pod.RestartPolicy)
	if c != nil && c.RestartPolicy != nil {
		policy = *c.RestartPolicy
		if slices.ContainsFunc(c.RestartPolicyRules, func(r corev1.ContainerRestartRule) bool { return ruleFits(r, code) }) {
			return true
		}
	}
	switch policy {
	case corev1.ContainerRestartPolicyNever:
		return false
	case corev1.ContainerRestartPolicyOnFailure:
		return code != 0
	}
	return true
}

// ruleFits says whether a rule has the container started again after an exit code.
func ruleFits(r corev1.ContainerRestartRule, code int32) bool {
	if r.ExitCodes == nil || r.Action != corev1.ContainerRestartRuleActionRestart && r.Action != corev1.ContainerRestartRuleActionRestartAllContainers {
		return false
	}
	return slices.Contains(r.ExitCodes.Values, code) == (r.ExitCodes.Operator == corev1.ContainerRestartRuleOnExitCodesOpIn)
}

// ensure brings a container to run. It returns false while the kubelet is busy
// with it, and can do nothing else for the pod.
func (p *pod) ensure(c *container, now time.Time) (proceed bool) {
	if c.state == running {
		return !c.posting // the kubelet waits for the hook
	}
	if c.state == exited && !p.restartable(c) {
		return true
	}
	if !c.starting {
		if !p.mayRestart(c, now) {
			return true
		}
		if c.state == exited {
			p.remount()
		}
		c.starting = true
	}
	switch p.ensureImages(c, now) {
	case pullUnderWay:
		return false
	case pullFailed:
		return true
	}
	if !p.create(c, now) {
		return true
	}
	return !c.posting // the kubelet waits for the hook
}

// mayRestart says whether a container that ended may be started again now.
func (p *pod) mayRestart(c *container, now time.Time) bool {
	if c.state != exited {
		return true
	}
	if noticed := timers.Tick(c.finishedAt.Add(relistPeriod)); now.Before(noticed) {
		p.at(noticed)
		return false
	}
	if end := c.backoff.until(c.finishedAt); now.Before(end) {
		if c.waiting != "CrashLoopBackOff" {
			c.waiting = "CrashLoopBackOff"
			c.waitsFor = fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", c.backoff.delay, c.name, p.title())
			p.event(now, warning, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s", c.name, p.title()), c.field())
		}
		p.at(end)
		return false
	}
	c.backoff.next(c.finishedAt, now)
	return true
}

// title is how a kubelet writes a pod's name.
func (p *pod) title() string { return p.name + "_" + p.namespace + "(" + string(p.uid) + ")" }

// create makes and starts a container, if its configuration is there.
func (p *pod) create(c *container, now time.Time) bool {
	if !p.configured(now) {
		return false
	}
	spec, err := p.programSpec(c)
	if err == nil {
		err = p.mustNotRun(c.spec())
	}
	if err != nil {
		reason := "CreateContainerConfigError"
		switch {
		case errors.Is(err, errArguments):
			reason = "RunContainerError"
		case errors.As(err, new(imageMountError)):
			reason = "CreateContainerError"
		}
		p.notMade(c, now, reason, err)
		return false
	}
	if err := p.k.ks.Starts.refuse(c.startName()); err != nil {
		p.notMade(c, now, "RunContainerError", err)
		return false
	}
	again, cause := c.state == exited, c.cause
	p.event(now, normal, "Created", "Container created", c.field())
	c.start(now, spec)
	if why := c.behaviour.ExitMessage; why != "" {
		p.event(now, warning, "Failed", "Error: "+why, c.field())
	} else {
		p.event(now, normal, "Started", "Container started", c.field())
	}
	c.post()
	c.back(now)
	if again && !c.init {
		c.tell(now, "restarted", fmt.Sprintf("the node's kubelet restarted the container (restart %d)", c.restarts))
		c.revived(now, cause)
	}
	p.at(c.exitAt)
	if p.proxies() {
		p.k.ks.Timers.Wake(p.k.ks.Proxy)
	}
	return true
}

// notMade notes why a container cannot be made: its configuration is wrong or missing, or it
// must not be started again.
func (p *pod) notMade(c *container, now time.Time, reason string, err error) {
	if c.tried != p.config.version || c.waiting != reason {
		c.tried = p.config.version
		c.waiting, c.waitsFor = reason, err.Error()
		p.event(now, warning, "Failed", "Error: "+err.Error(), c.field())
		p.config.refresh = now.Add(syncPeriod)
	}
	p.at(p.config.refresh)
}

// proxies says whether the pod is the node's kube-proxy.
func (p *pod) proxies() bool {
	return p.namespace == "kube-system" && p.spec.Labels["component"] == "kube-proxy"
}
