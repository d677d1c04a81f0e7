package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// resize gives running containers the resources that they have been given: in place, or, if
// the container's policy wants that, by a restart.
func (p *pod) resize(now time.Time) {
	for _, c := range p.containers {
		spec := c.spec()
		if spec == nil || c.state != running || !c.termAt.IsZero() || c.granted == nil {
			continue
		}
		restart := false
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			restart = restart || differs(c.granted, &spec.Resources, name) && resizePolicy(spec, name) == corev1.RestartContainer
		}
		c.granted = &spec.Resources
		if restart {
			c.again = true
			c.stop(now, p.grace(), "Container "+c.name+" resize requires restart")
			p.at(c.advance(now))
		}
	}
}

// differs says whether two grants of a resource are not the same.
func differs(a, b *corev1.ResourceRequirements, name corev1.ResourceName) bool {
	return a.Requests.Name(name, "").Cmp(*b.Requests.Name(name, "")) != 0 || a.Limits.Name(name, "").Cmp(*b.Limits.Name(name, "")) != 0
}

func resizePolicy(c *corev1.Container, name corev1.ResourceName) corev1.ResourceResizeRestartPolicy {
	for _, r := range c.ResizePolicy {
		if r.ResourceName == name {
			return r.RestartPolicy
		}
	}
	return corev1.NotRequired
}
