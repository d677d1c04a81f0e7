package controlplane

import (
	"context"
	"slices"
)

// stoppedBy is who keeps down the components of a stopped cluster.
const stoppedBy = "the customer, who has stopped the cluster"

// PowerOff ends every component in good order, the last to start first. None can be started
// until [Plane.PowerOn], whoever asks for it.
func (p *Plane) PowerOff(ctx context.Context) error {
	all := p.Components()
	for _, c := range all {
		c.setOff(true)
	}
	slices.Reverse(all)
	for _, c := range all {
		sctx, cancel := context.WithTimeout(ctx, stopGrace)
		_ = c.Stop(sctx) // not running is fine
		cancel()
	}
	return nil
}

// PowerOn ends PowerOff and starts every component, as [Plane.Start] does.
func (p *Plane) PowerOn(ctx context.Context) error {
	for _, c := range p.Components() {
		c.setOff(false)
	}
	return p.Start(ctx)
}

func (c *Component) setOff(off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = off
}
