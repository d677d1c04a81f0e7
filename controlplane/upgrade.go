package controlplane

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// stopGrace is how long a component that is upgraded may take to end in good
	// order. Watches of an API server do not end by themselves.
	stopGrace = 10 * time.Second
	// upgradeTimeout bounds the restart of one component: a load balancer takes one
	// that does not serve by then for failed.
	upgradeTimeout = 2 * time.Minute
)

// Version is the version of Kubernetes that clients see, such as v1.36.3: that of
// the API server that was started last.
func (p *Plane) Version() string { return "v" + p.release() }

func (p *Plane) release() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version
}

// SetVersion sets the version, such as 1.36.3, with which components start from
// now on. The error says that it cannot be emulated, or that a feature gate which is
// set is unknown to it.
func (p *Plane) SetVersion(v string) error {
	if v == "" {
		v = linked()
	}
	r, err := newRelease(v)
	if err != nil {
		return err
	}
	if err := r.setProcess(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.version = r.version.String()
	return nil
}

// Upgrade restarts what has not the version given: API servers one after the
// other, then the controller manager and the scheduler. It returns when all of
// them serve. What is held down is left so: it has the version when it is started.
// Began is called, if not nil, before a component is restarted.
func (p *Plane) Upgrade(ctx context.Context, v string, began func(component string)) error {
	if err := p.SetVersion(v); err != nil {
		return err
	}
	v = p.release()
	// One at a time: a new leader asks while what the old one asked for goes on.
	p.turn.Lock()
	defer p.turn.Unlock()
	p.upgrading.Add(1)
	defer p.upgrading.Add(-1)
	for _, c := range slices.Concat(p.apiServers, []*Component{p.manager, p.scheduler}) {
		if c.Version() == v || c.isHeld() {
			continue
		}
		if began != nil {
			began(c.name)
		}
		rctx, cancel := context.WithTimeout(ctx, upgradeTimeout)
		err := c.Replace(rctx)
		cancel()
		if err != nil {
			return fmt.Errorf("upgrade %s to Kubernetes %s: %w", c.name, v, err)
		}
	}
	return nil
}

// Version is the release, such as 1.36.3, that the component's current life has; empty if it has
// none: etcd, and what does not run.
func (c *Component) Version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest == nil {
		return ""
	}
	return c.latest.version
}

func (c *Component) isHeld() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held != ""
}
