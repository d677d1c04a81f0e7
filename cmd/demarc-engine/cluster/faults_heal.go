package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// healable are the faults that heal ends.
var healable = []string{"hang", "slow", "partition", "flap", "cut", "fill"}

// Heal ends the fault with the ID given, and no other: what it has taken down is
// started again.
func (c *Cluster) Heal(ctx context.Context, by api.Role, id string) error {
	list := c.faults.list()
	i := slices.IndexFunc(list, func(a inForce) bool { return a.ID == id })
	if i < 0 {
		return fmt.Errorf("no fault %q is in force", id)
	}
	a := list[i]
	spec := fault.Spec{Verb: "heal", Target: a.Target}
	switch a.Verb {
	case "crash", "stop":
		spec.Verb = "start"
	case "power-off":
		spec.Verb = "power-on"
	}
	if by == api.RoleDirector {
		spec.By = a.By
	}
	spec, _, err := c.asked(by, spec)
	if err != nil {
		return err
	}
	return c.faults.end(ctx, spec, a)
}

// end ends a fault in force.
func (f *faults) end(ctx context.Context, spec fault.Spec, a inForce) error {
	switch {
	case spec.Verb == "heal":
		return f.undo(f.dropID(a.ID), spec.By)
	case a.target.Kind == fault.Provider || a.target.Kind == fault.Replica:
		return f.startReplicas(spec, a.struck)
	case a.target.Components() != nil:
		return f.start(ctx, spec, slices.DeleteFunc(f.targets(a.target), func(c *controlplane.Component) bool {
			return !slices.Contains(a.struck, c.Name())
		}))
	}
	_, err := f.strikeNode(spec, a.target)
	return err
}

// healOn ends what holds the target.
func (f *faults) healOn(spec fault.Spec, t fault.Target) error {
	if name, ok := f.cluster.fleet.NodeName(t.Node); ok && t.Node != "" {
		t.Node = name
		spec.Target = t.String()
	}
	if leader, ok := f.cluster.operations.replicas.Leader(); ok && t.Replica == fault.Leader {
		spec.Target = replicaName(strconv.Itoa(leader))
	}
	ended := f.drop(func(a inForce) bool {
		return slices.Contains(healable, a.Verb) &&
			(t.Kind == fault.All || a.Target == spec.Target || t.Kind == fault.ControlPlane && a.target.Components() != nil ||
				t.Kind == fault.Provider && a.target.Kind == fault.Replica ||
				t.Kind == fault.Component && slices.ContainsFunc(a.target.Components(), func(name string) bool { return covers(t, name) }))
	})
	if len(ended) == 0 && t.Kind != fault.All {
		return fmt.Errorf("nothing to heal on %s: no %s or %s is in force there", spec.Target,
			strings.Join(healable[:len(healable)-1], ", "), healable[len(healable)-1])
	}
	return f.undo(ended, spec.By)
}

// undo ends the effects of faults that are no longer in force.
func (f *faults) undo(ended []inForce, by timeline.Actor) error {
	var errs []error
	for _, a := range ended {
		errs = append(errs, f.undoOne(a, by))
	}
	return errors.Join(errs...)
}

func (f *faults) undoOne(a inForce, by timeline.Actor) error {
	if a.Verb == "cut" {
		_, err := f.cluster.fleet.RestoreNetwork(a.target.Node, by)
		return err
	}
	f.record(fault.Spec{Verb: "heal", Target: a.Target, By: by}, a.Event)
	switch {
	case a.target.Kind == fault.BackupStore:
		f.settleStore()
	case a.target.Kind == fault.Replica:
		return f.rejoinReplicas(a)
	case a.Verb == "partition":
		return f.rejoin(a)
	case a.Verb == "hang":
		f.wake(f.targets(a.target))
	case a.Verb == "slow":
		f.settle(f.targets(a.target))
	}
	return nil
}

// rejoin mends a link, but for what other faults cut of it.
func (f *faults) rejoin(a inForce) error {
	plane := f.cluster.plane
	err := plane.Rejoin(a.Target, a.Args["from"])
	for _, other := range f.list() {
		if other.Verb == "partition" && other.target.Kind != fault.Replica {
			err = errors.Join(err, plane.Partition(other.Target, other.Args["from"]))
		}
	}
	return err
}

// rejoinReplicas ends a partition of the provider's plane, unless another fault
// cuts the same replica off.
func (f *faults) rejoinReplicas(a inForce) error {
	var errs []error
	for _, name := range a.struck {
		i, ok := replicaIndex(name)
		if _, cut := f.on(name, "partition"); !ok || cut {
			continue
		}
		errs = append(errs, f.cluster.operations.replicas.Rejoin(i))
		f.cluster.incidents.Close(name, time.Now())
	}
	return errors.Join(errs...)
}

// covers says whether a target comprises a component, or one of its instances.
func covers(t fault.Target, component string) bool {
	return slices.ContainsFunc(t.Components(), func(name string) bool { return controlplane.Comprises(name, component) })
}
