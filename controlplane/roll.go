package controlplane

import (
	"context"
	"errors"
	"fmt"
)

// Roll restarts the components that have [Settings], so that they take effect:
// the API servers one after the other, then the controller manager and the
// scheduler. With one API server, clients cannot reach it for that moment. What is
// held down, or is down already, is left alone: it has them when it starts.
func (p *Plane) Roll(ctx context.Context) error {
	for _, c := range append(append([]*Component{}, p.apiServers...), p.manager, p.scheduler) {
		if c.Status().State != Running {
			continue
		}
		var held *HeldError
		if err := c.Restart(ctx, c.Life()); err != nil && !errors.As(err, &held) {
			return fmt.Errorf("restart %s with the new settings: %w", c.Name(), err)
		}
	}
	return nil
}
