package cluster

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/fault"
)

// partition cuts a link. One node's link to the API server is its network.
func (f *faults) partition(spec fault.Spec, t fault.Target) (fault.Active, error) {
	if t.Kind == fault.Node {
		spec.Verb = "cut"
		return f.strikeNode(spec, t)
	}
	if err := f.cluster.plane.Partition(spec.Target, spec.Args["from"]); err != nil {
		return fault.Active{}, err
	}
	e := f.record(spec, 0)
	a := f.add(force(spec, t, e.Seq))
	for _, c := range f.targets(t) {
		f.cluster.outage(c.Name(), e)
	}
	return a, nil
}

// flap crashes and starts something again and again.
func (f *faults) flap(spec fault.Spec, t fault.Target) (fault.Active, error) {
	ctx, cancel := context.WithCancel(f.cluster.ctx)
	e := f.record(spec, 0)
	x := force(spec, t, e.Seq)
	x.end = cancel
	a := f.add(x)
	strike := func(verb string) error {
		s := fault.Spec{Verb: verb, Target: spec.Target, By: spec.By}
		if t.Kind == fault.Kubelet {
			_, err := f.strikeNode(s, t)
			return err
		}
		_, err := f.strikeComponents(f.cluster.ctx, s, t)
		return err
	}
	f.cluster.work.Go(func() {
		defer cancel()
		down := false // by this fault, not by another
		for range spec.Int("times") {
			if strike("crash") != nil {
				break
			}
			down = true
			if !wait(ctx, spec.Duration("down")) || strike("start") != nil {
				break
			}
			down = false
			if !wait(ctx, spec.Duration("up")) {
				break
			}
		}
		if down && f.cluster.ctx.Err() == nil {
			_ = strike("start") // what runs already is left alone
		}
		f.dropID(a.ID)
	})
	return a, nil
}

// wait returns false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// crashContainers kills the containers of a container, pod or deployment target.
func (f *faults) crashContainers(spec fault.Spec, t fault.Target) (fault.Active, error) {
	pods := []string{t.Name}
	if t.Kind == fault.Deployment {
		pods = f.oldestPods(t, spec.Int("count"))
	}
	found := false
	for _, c := range f.cluster.fleet.Containers() {
		if c.Namespace != t.Namespace || !slices.Contains(pods, c.Pod) || t.Container != "" && c.Name != t.Container || c.State != "running" {
			continue
		}
		found = true
		if _, err := f.cluster.fleet.CrashContainer(c.Namespace, c.Pod, c.Name, 137, "Error", spec.By); err != nil {
			return fault.Active{}, err
		}
	}
	if !found {
		return fault.Active{}, fmt.Errorf("no running container of %s to crash", spec.Target)
	}
	return fault.Active{Spec: spec}, nil
}

// oldestPods are the names of up to n running pods of a deployment, oldest
// first. The nodes know them, also while there is no API server to ask: a
// deployment's pods are named NAME-HASH-SUFFIX.
func (f *faults) oldestPods(t fault.Target, n int) []string {
	name := regexp.MustCompile("^" + regexp.QuoteMeta(t.Name) + "-[a-z0-9]{1,10}-[a-z0-9]{5}$")
	running := slices.DeleteFunc(f.cluster.fleet.Containers(), func(c api.Container) bool {
		return c.Namespace != t.Namespace || c.State != "running" || !name.MatchString(c.Pod)
	})
	slices.SortFunc(running, func(a, b api.Container) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.Pod, b.Pod))
	})
	var names []string
	for _, c := range running {
		if !slices.Contains(names, c.Pod) && len(names) < n {
			names = append(names, c.Pod)
		}
	}
	return names
}
