package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/controlplane"
	"demarc/scenarios/script"
	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"k8s.io/client-go/rest"
)

var _ script.World = (*Cluster)(nil)

// Customer implements [script.World].
func (c *Cluster) Customer() *rest.Config {
	cfg := rest.CopyConfig(c.customer)
	cfg.UserAgent = "kubectl"
	return cfg
}

// StartTraffic implements [script.World].
func (c *Cluster) StartTraffic(spec traffic.Spec) error {
	if ref, ok := strings.CutPrefix(spec.From, "node/"); ok {
		name, ok := c.fleet.NodeName(ref)
		if !ok {
			return fmt.Errorf("traffic %s: no node %q; the nodes are %v", spec.Name, ref, c.fleet.NodeNames())
		}
		spec.From = "node/" + name
	}
	if err := c.traffic.Start(spec); err != nil {
		return err
	}
	c.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "started", Subject: "traffic/" + spec.Name, Message: spec.String()})
	return nil
}

// StopTraffic implements [script.World].
func (c *Cluster) StopTraffic(name string) error {
	if err := c.traffic.Stop(name); err != nil {
		return err
	}
	c.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "stopped", Subject: "traffic/" + name})
	return nil
}

// Traffic implements [script.World].
func (c *Cluster) Traffic(name string) (*traffic.Record, bool) { return c.traffic.Record(name) }

// Timeline implements [script.World].
func (c *Cluster) Timeline() *timeline.Log { return c.log }

// Record implements [script.World].
func (c *Cluster) Record(e timeline.Event) timeline.Event { return c.log.Append(e) }

// Machines implements [script.World].
func (c *Cluster) Machines() []api.Machine { return c.fleet.Machines() }

// Containers implements [script.World].
func (c *Cluster) Containers() []api.Container { return c.fleet.Containers() }

// Incidents implements [script.World].
func (c *Cluster) Incidents() []api.Incident { return c.incidents.list() }

// NodeName implements [script.World].
func (c *Cluster) NodeName(ref string) (string, bool) { return c.fleet.NodeName(ref) }

// healthAge is for how long the answer of a health check is good: expectations
// ask at every change.
const healthAge = time.Second

// health is the last answer to all health checks.
type health struct {
	mu     sync.Mutex
	at     time.Time
	last   []api.Component
	states []controlplane.Status // of the components, when they were asked
}

// Components implements [script.World]: each component with what its own health
// check says now, or said within the last second.
func (c *Cluster) Components() []api.Component {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	if now := time.Now(); c.health.last == nil || now.Sub(c.health.at) >= healthAge || c.statesChanged() {
		c.health.last, c.health.at = c.askComponents(), now
	}
	return slices.Clone(c.health.last)
}

// statesChanged says whether a component is no longer in the state of the last
// answer.
func (c *Cluster) statesChanged() bool {
	return !slices.EqualFunc(c.plane.Components(), c.health.states, func(x *controlplane.Component, old controlplane.Status) bool {
		s := x.Status()
		return s.State == old.State && s.Starts == old.Starts
	})
}

// askComponents asks every component, and sums up those of which there are
// several.
func (c *Cluster) askComponents() []api.Component {
	began := time.Now()
	all := c.plane.Components()
	out := make([]api.Component, len(all))
	c.health.states = make([]controlplane.Status, len(all))
	var asked sync.WaitGroup
	for i, x := range all {
		s := x.Status()
		c.health.states[i] = s
		out[i] = api.Component{Name: s.Name, State: string(s.State), Message: s.Message, Since: s.Since.UTC(), Starts: s.Starts}
		if s.State != controlplane.Running {
			continue
		}
		asked.Go(func() {
			out[i].Healthy, out[i].Message = c.ask(x.Healthy)
		})
	}
	asked.Wait()
	out = append(c.summaries(out), out...)
	for _, x := range out {
		if x.Healthy { // so that nobody sees it well and its outage open
			c.incidents.Close(x.Name, began)
		}
	}
	return out
}

// Patience with health checks: under load the clock can make a step while one is
// under way, so a second one must fail as well; and where etcd has several members,
// clients wait as well while these elect a leader.
const (
	healthTimeout    = time.Second
	secondTry        = healthTimeout + 500*time.Millisecond
	electionPatience = 3 * time.Second
)

// ask asks a health check, with a second to answer.
func (c *Cluster) ask(check func(context.Context) error) (healthy bool, message string) {
	alone, patience := c.spec.EtcdMembers <= 1, electionPatience
	if alone {
		patience = secondTry
	}
	for began := time.Now(); ; {
		ctx, cancel := context.WithTimeout(c.ctx, healthTimeout)
		err := check(ctx)
		cancel()
		switch {
		case err == nil:
			return true, ""
		case alone && !errors.Is(err, context.DeadlineExceeded),
			time.Since(began) > patience, !wait(c.ctx, 200*time.Millisecond):
			return false, healthMessage(err)
		}
	}
}

// summaries are etcd and kube-apiserver as a whole, where there are several:
// etcd serves with a quorum, and any API server will do.
func (c *Cluster) summaries(each []api.Component) (list []api.Component) {
	for _, name := range []string{controlplane.Etcd, controlplane.APIServer} {
		var of []api.Component
		for _, x := range each {
			if strings.HasPrefix(x.Name, name+"/") {
				of = append(of, x)
			}
		}
		if len(of) == 0 {
			continue
		}
		sum := sumUp(name, of)
		if name == controlplane.Etcd && sum.State == string(controlplane.Running) {
			sum.Healthy, sum.Message = c.ask(managed{c}.Serving)
		}
		list = append(list, sum)
	}
	return list
}

// sumUp makes one of several: it is in the best state of them.
func sumUp(name string, of []api.Component) api.Component {
	sum := of[0]
	sum.Name, sum.Starts = name, 0
	for _, x := range of {
		if x.State == string(controlplane.Running) {
			sum.State = x.State
		}
		if x.Healthy {
			sum.Healthy, sum.Message = true, ""
		}
		if x.Since.After(sum.Since) {
			sum.Since = x.Since
		}
		sum.Starts += x.Starts
	}
	return sum
}

func healthMessage(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "its health check got no answer within a second"
	}
	return err.Error()
}

// trafficTotals are all traffics since they began.
func (c *Cluster) trafficTotals() []api.Traffic {
	var out []api.Traffic
	for _, s := range c.traffic.Specs() {
		if r, ok := c.traffic.Record(s.Name); ok {
			t := r.Totals(time.Time{})
			out = append(out, api.Traffic{Spec: s, Sent: t.Sent, Failed: t.Failed, Reasons: t.Reasons, Outages: r.Outages(), Backends: r.Pods()})
		}
	}
	slices.SortFunc(out, func(a, b api.Traffic) int { return strings.Compare(a.Name, b.Name) })
	return out
}
