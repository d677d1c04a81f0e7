package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/clock"
)

// healthAge is for how long the answer of a health check is good: expectations
// ask at every change.
const healthAge = time.Second

// statusPatience is for how long [Cluster.Status] waits for health checks, in real time:
// whoever looks at a cluster with a paused clock has no other.
const statusPatience = time.Second

// health is the last round of all health checks, which may be under way.
type health struct {
	mu   sync.Mutex
	last *healthRound
}

// healthRound asks every component once.
type healthRound struct {
	began  time.Time
	states []controlplane.Status // of the components, when they were asked
	done   chan struct{}         // closed when all have answered

	mu   sync.Mutex
	list []api.Component // those that have not answered yet say so
}

// sofar is what was answered.
func (r *healthRound) sofar() []api.Component {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// Components implements [script.World]: each component with what its own health
// check says now, or said within the last second.
func (c *Cluster) Components() []api.Component {
	for called := time.Now(); ; {
		r := c.healthRound()
		<-r.done
		if !r.began.Before(called) || !c.stale(r) {
			return r.sofar()
		}
	}
}

// componentsSoon is the same, without the answers for which one would have to wait long.
func (c *Cluster) componentsSoon() []api.Component {
	r, late := c.healthRound(), make(chan struct{})
	stop := clock.EveryReal(statusPatience, sync.OnceFunc(func() { close(late) }))
	defer stop()
	select {
	case <-r.done:
	case <-late:
	}
	return r.sofar()
}

// healthRound is the round that is under way, or one that is not too old.
func (c *Cluster) healthRound() *healthRound {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	if r := c.health.last; r != nil {
		select {
		case <-r.done:
		default:
			return r
		}
	}
	if c.health.last == nil || c.stale(c.health.last) {
		c.health.last = c.askComponents()
	}
	return c.health.last
}

// stale says whether a round is too old, or a component no longer in the state in which
// it was asked.
func (c *Cluster) stale(r *healthRound) bool {
	return time.Since(r.began) >= healthAge || !slices.EqualFunc(c.plane.Components(), r.states, func(x *controlplane.Component, old controlplane.Status) bool {
		s := x.Status()
		return s.State == old.State && s.Starts == old.Starts
	})
}

// askComponents begins to ask every component; those of which there are several are summed
// up.
func (c *Cluster) askComponents() *healthRound {
	all := c.plane.Components()
	r := &healthRound{began: time.Now(), done: make(chan struct{})}
	each := make([]api.Component, len(all))
	var asked sync.WaitGroup
	for i, x := range all {
		s := x.Status()
		r.states = append(r.states, s)
		each[i] = api.Component{Name: s.Name, State: string(s.State), Message: s.Message, Since: s.Since.UTC(), Starts: s.Starts}
		if s.State != controlplane.Running {
			continue
		}
		each[i].Message = noAnswer
		asked.Go(func() {
			healthy, message := c.ask(x.Healthy)
			r.mu.Lock()
			defer r.mu.Unlock()
			each[i].Healthy, each[i].Message = healthy, message
			r.list = append(sums(each), each...)
		})
	}
	r.mu.Lock()
	r.list = append(sums(each), each...)
	r.mu.Unlock()
	go func() {
		defer close(r.done)
		asked.Wait()
		list := c.etcdServes(r.sofar())
		for _, x := range list {
			if x.Healthy { // so that nobody sees it well and its outage open
				c.incidents.Close(x.Name, r.began)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.list = list
	}()
	return r
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
			time.Since(began) > patience, !clock.Sleep(c.ctx, 200*time.Millisecond):
			return false, healthMessage(err)
		}
	}
}

// sums are etcd and kube-apiserver as a whole, where there are several: any API server
// will do.
func sums(each []api.Component) (list []api.Component) {
	for _, name := range []string{controlplane.Etcd, controlplane.APIServer} {
		var of []api.Component
		for _, x := range each {
			if strings.HasPrefix(x.Name, name+"/") {
				of = append(of, x)
			}
		}
		if len(of) > 0 {
			list = append(list, sumUp(name, of))
		}
	}
	return list
}

// etcdServes asks etcd as a whole, if it has several members: it serves with a quorum.
func (c *Cluster) etcdServes(list []api.Component) []api.Component {
	if c.spec.EtcdMembers > 1 && list[0].Name == controlplane.Etcd && list[0].State == string(controlplane.Running) {
		list[0].Healthy, list[0].Message = c.ask(managed{c}.Serving)
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

// noAnswer is what is said of a component that has not answered its health check yet.
const noAnswer = "no answer to its health check yet"

func healthMessage(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "its health check got no answer within a second"
	}
	return err.Error()
}
