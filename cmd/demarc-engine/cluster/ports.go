package cluster

import (
	"fmt"

	"demarc/sim/api"
	"demarc/sim/state"
	"demarc/sim/timeline"
)

// movedPorts are the ports of an earlier run that another program has by now.
func (c *Cluster) movedPorts(saved *state.State) (moved []api.MovedPort, err error) {
	server, err := portOf(c.plane.URL())
	if err != nil {
		return nil, err
	}
	for _, p := range []api.MovedPort{
		{Of: "API server", File: c.plane.Kubeconfig(), From: saved.Port, To: server},
		{Of: "SSH server", File: c.ssh.ConfigFile(), From: saved.SSHPort, To: c.ssh.Port()},
	} {
		if p.From != 0 && p.From != p.To {
			moved = append(moved, p)
		}
	}
	return moved, nil
}

// noteMovedPorts tells the timeline of them.
func (c *Cluster) noteMovedPorts() {
	for _, p := range c.moved {
		c.log.Append(timeline.Event{
			Actor: timeline.Provider, Verb: "moved", Subject: "cluster/" + c.spec.Name,
			Message: fmt.Sprintf("its %s, from port %d, which another program has taken, to port %d", p.Of, p.From, p.To),
		})
	}
}
