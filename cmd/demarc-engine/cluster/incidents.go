package cluster

import (
	"context"
	"strings"
	"time"

	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// electionTime is how long the clock is fine after the loss of an etcd member.
const electionTime = 10 * time.Second

// outage begins the incident of something that the provider runs, and ends it
// when that is well again and no fault has it in its grip.
func (c *Cluster) outage(subject string, cause timeline.Event) {
	if !c.incidents.Begin(subject, cause, cause.Time) {
		return
	}
	if strings.HasPrefix(subject, controlplane.Etcd+"/") {
		// Elections take a second or two: below the clock's steps.
		time.AfterFunc(electionTime, c.dial.Fine())
	}
	c.work.Go(func() {
		c.incidents.MendWhenWell(c.ctx, subject, func(ctx context.Context) error { return c.Well(ctx, subject) })
	})
}

// newHealth makes the health checks of the control plane.
func (c *Cluster) newHealth() *incident.Health {
	h := &incident.Health{Ledger: c.incidents, Context: c.ctx, Components: func() (list []incident.Component) {
		for _, x := range c.plane.Components() {
			s := x.Status()
			list = append(list, incident.Component{
				Component: api.Component{Name: s.Name, State: string(s.State), Message: s.Message, Since: s.Since.UTC(), Starts: s.Starts},
				Check:     x.Healthy,
			})
		}
		return list
	}}
	if c.spec.EtcdMembers > 1 {
		h.Quorum = func(ctx context.Context) error {
			_, err := c.plane.ServingEtcd(ctx)
			return err
		}
	}
	return h
}

// Components implements [run.World].
func (c *Cluster) Components() []api.Component { return c.health.Now() }

// Incidents implements [run.World].
func (c *Cluster) Incidents() []api.Incident { return c.incidents.List() }
