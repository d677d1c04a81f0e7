package cluster

import (
	"fmt"
	"slices"
	"strings"

	"demarc/scenarios/script/run"
	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"k8s.io/client-go/rest"
)

var _ run.World = (*Cluster)(nil)

// Customer implements [run.World].
func (c *Cluster) Customer() *rest.Config {
	cfg := c.plane.Customer()
	cfg.UserAgent = "kubectl"
	return cfg
}

// StartTraffic starts clients of a service.
func (c *Cluster) StartTraffic(spec traffic.Spec) (traffic.Spec, error) {
	asked := spec
	if ref, ok := strings.CutPrefix(spec.From, "node/"); ok {
		name, ok := c.fleet.NodeName(ref)
		if !ok {
			return asked, fmt.Errorf("traffic %s: no node %q; the nodes are %v", spec.Name, ref, c.fleet.NodeNames())
		}
		spec.From = "node/" + name
	}
	if err := c.traffic.Start(spec); err != nil {
		return asked, err
	}
	c.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "started", Subject: "traffic/" + spec.Name, Message: spec.String()})
	return asked, nil
}

// StopTraffic ends them. Their results stay.
func (c *Cluster) StopTraffic(name string) error {
	if err := c.traffic.Stop(name); err != nil {
		return err
	}
	c.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "stopped", Subject: "traffic/" + name})
	return nil
}

// Traffic implements [run.World].
func (c *Cluster) Traffic(name string) (*traffic.Record, bool) { return c.traffic.Record(name) }

// Timeline implements [run.World].
func (c *Cluster) Timeline() *timeline.Log { return c.log }

// Record implements [run.World].
func (c *Cluster) Record(e timeline.Event) timeline.Event {
	e = c.log.Append(e)
	c.noteUnenforced(e)
	return e
}

// Machines implements [run.World].
func (c *Cluster) Machines() []api.Machine { return c.fleet.Machines() }

// Containers implements [run.World].
func (c *Cluster) Containers() []api.Container { return c.fleet.Containers() }

// NodeName implements [run.World].
func (c *Cluster) NodeName(ref string) (string, bool) { return c.fleet.NodeName(ref) }

// trafficTotals are all traffics since they began, also those of earlier engines.
func (c *Cluster) trafficTotals() []api.Traffic {
	var out []api.Traffic
	for _, s := range c.traffic.Specs() {
		if r, ok := c.traffic.Record(s.Name); ok {
			out = append(out, api.TrafficOf(r))
		}
	}
	out = c.past.Continue(out)
	slices.SortFunc(out, func(a, b api.Traffic) int { return strings.Compare(a.Name, b.Name) })
	return out
}
