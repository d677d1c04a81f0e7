package faults

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// stopGrace is how long a component that is stopped may take to finish: the
// default grace period of a pod, which the static pods of a control plane have.
const stopGrace = 30 * time.Second

var crash = effect{
	component: func(s strike) error { return s.Crash() },
	node: func(n Nodes, node string, s fault.Spec) (timeline.Event, error) {
		return n.CrashKubelet(node, s.By, false, held(s))
	},
	replica: Replicas.Crash,
	whole:   crashContainers,
}

var stop = effect{
	component: func(s strike) error {
		s.graceful.Go(func() {
			ctx, cancel := context.WithTimeout(s.ctx, stopGrace)
			defer cancel()
			_ = s.Stop(ctx) // one that is down already is what was asked for
		})
		return nil
	},
	node: func(n Nodes, node string, s fault.Spec) (timeline.Event, error) {
		return n.CrashKubelet(node, s.By, true, held(s))
	},
}

var start = effect{
	node: func(n Nodes, node string, s fault.Spec) (timeline.Event, error) {
		return n.StartKubelet(node, s.By)
	},
	replica: Replicas.Start,
	whole:   startComponents,
}

// startComponents starts components in order and ends the faults that held them down.
// It does not wait until they serve: like the real ones, they come when they can.
func startComponents(f *Faults, ctx context.Context, x inForce) (fault.Active, error) {
	list := f.components(x)
	x.Event = f.record(x.Spec, x.Target, 0).Seq
	f.letGo(names(list), fault.EndedBy(x.Verb)...)
	f.wake(list)
	f.Go(func() {
		if err := f.Plane.Start(context.WithoutCancel(ctx), list); err != nil && f.Context.Err() == nil {
			f.Log.Append(timeline.Event{Actor: timeline.Provider, Verb: "failed to start", Subject: x.Target, Message: err.Error()})
		}
	})
	return x.Active, nil
}

var flap = effect{whole: crashAgainAndAgain}

// crashAgainAndAgain crashes and starts something several times, until the fault or
// the cluster ends.
func crashAgainAndAgain(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
	ctx, cancel := context.WithCancel(f.Context)
	x.Event, x.end = f.record(x.Spec, x.Target, 0).Seq, cancel
	a := f.add(x)
	strike := func(verb string) bool {
		s := fault.Active{Spec: fault.Spec{Verb: verb, Target: x.Target, By: x.By}}
		if f.Context.Err() != nil {
			return false
		}
		_, err := f.inject(f.Context, inForce{Active: s, at: x.at})
		return err == nil
	}
	f.Go(func() {
		down := false // by this fault, not by another
		for range x.Int("times") {
			if ctx.Err() != nil || !strike("crash") {
				break
			}
			down = true
			if !clock.Sleep(ctx, x.Duration("down")) || !strike("start") {
				break
			}
			down = false
			if !clock.Sleep(ctx, x.Duration("up")) {
				break
			}
		}
		if down {
			strike("start") // what runs already is left alone
		}
		f.dropID(a.ID)
	})
	return a, nil
}

// crashContainers kills the containers of a container, a pod, or the oldest pods of a
// deployment. The nodes know these, also while there is no API server to ask: a
// deployment's pods are named NAME-HASH-SUFFIX.
func crashContainers(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
	name := "^" + regexp.QuoteMeta(x.at.Name)
	if x.at.Kind == fault.Deployment {
		name += "-[a-z0-9]{1,10}-[a-z0-9]{5}"
	}
	named := regexp.MustCompile(name + "$")
	running := slices.DeleteFunc(f.Nodes.Containers(), func(c api.Container) bool {
		return c.State != "running" || c.Namespace != x.at.Namespace || !named.MatchString(c.Pod) || x.at.Container != "" && x.at.Container != c.Name
	})
	if len(running) == 0 {
		return fault.Active{}, fmt.Errorf("no running container of %s to crash", x.Target)
	}
	slices.SortFunc(running, func(a, b api.Container) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.Pod, b.Pod))
	})
	var pods []string
	for _, c := range running {
		if !slices.Contains(pods, c.Pod) {
			pods = append(pods, c.Pod)
		}
		if slices.Index(pods, c.Pod) >= max(1, x.Int("count")) {
			continue
		}
		e, err := f.Nodes.CrashContainer(c.Namespace, c.Pod, c.Name, 137, "Error", x.By)
		if err != nil {
			return fault.Active{}, err
		}
		x.Event = cmp.Or(x.Event, e.Seq)
	}
	return x.Active, nil
}
