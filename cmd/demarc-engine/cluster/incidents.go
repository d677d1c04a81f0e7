package cluster

import (
	"context"
	"slices"
	"strings"
	"time"

	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/controlplane"
	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/clock"
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
	c.mendWhenWell(subject)
}

func (c *Cluster) mendWhenWell(subject string) {
	c.work.Go(func() {
		c.incidents.MendWhenWell(c.ctx, subject, func(ctx context.Context) error { return c.Well(ctx, subject) })
	})
}

// unserved enters that no API server takes requests, if nobody else has by then: it is
// restarted with another version or with new settings, or has ended by itself. That of a
// stopped cluster is not out.
func (c *Cluster) unserved(since time.Time) {
	if !clock.Sleep(c.ctx, time.Second) || c.Off() {
		return
	}
	known := slices.ContainsFunc(c.incidents.List(), func(i api.Incident) bool {
		return i.Subject == controlplane.APIServer && (i.End.IsZero() || i.End.After(since))
	})
	if known {
		return
	}
	c.incidents.Find(provider.Finding{Subject: controlplane.APIServer, Since: since, Message: "no API server takes requests", Event: c.whyUnserved(since)})
	c.mendWhenWell(controlplane.APIServer)
}

// whyUnserved is the newest event before a time that can have ended an API server; 0 if
// there is none.
func (c *Cluster) whyUnserved(since time.Time) int64 {
	events, _ := c.log.Since(0)
	for _, e := range slices.Backward(events) {
		kind, _, _ := strings.Cut(e.Subject, "/")
		if !e.Time.After(since) && slices.Contains([]string{controlplane.APIServer, "control-plane", "cluster", "featuregate"}, kind) {
			return e.Seq
		}
	}
	return 0
}

// holds says whether something that is out stays so: a fault has it in its grip, it is
// without the rights that it needs, or it is an etcd that lives and is full.
func (c *Cluster) holds(subject string) bool {
	return c.faults.Holds(subject) || subject == controlplane.Etcd && c.plane.EtcdFull() || c.Management != nil && c.Deprived(subject)
}

// struck is the event of what has a subject in its grip: a fault in force, or a customer's
// webhook or policy that blocks it; or 0.
func (c *Cluster) struck(subject string) int64 {
	if event := c.faults.Event(subject); event != 0 || c.Management == nil {
		return event
	}
	return c.BlockedBy(subject)
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
