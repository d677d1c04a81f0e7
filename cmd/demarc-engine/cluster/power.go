package cluster

import (
	"fmt"

	"demarc/sim/timeline"
)

// rest is the start of an engine whose cluster is stopped, or on its way there or back: it is
// ready as it is. What else a start does is done when the cluster is started again.
func (c *Cluster) rest() error {
	if err := c.runNodes(); err != nil {
		return err
	}
	c.serve()
	c.work.Go(func() {
		if c.AwaitPower(c.ctx) != nil {
			return // the engine ends
		}
		err := c.install(c.ctx, c.bootstrap)
		if err == nil {
			err = c.comeUp(c.ctx)
		}
		if err != nil && c.ctx.Err() == nil {
			c.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "failed to reconcile", Subject: "addons", Message: fmt.Sprintf("after the start of the cluster: %v", err)})
		}
	})
	return c.founded()
}
