package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// stopGrace is how long a component that is stopped may take to finish: the
// default grace period of a pod, which the static pods of a control plane have.
const stopGrace = 30 * time.Second

// faults is what is in force, and makes faults happen.
type faults struct {
	cluster *Cluster

	mu     sync.Mutex
	last   int
	active []inForce // oldest first
}

// Inject makes a fault happen, or a repair. What it returns has an ID only if
// it stays in force.
func (c *Cluster) Inject(ctx context.Context, spec fault.Spec) (fault.Active, error) {
	return c.InjectAs(ctx, api.RoleDirector, spec)
}

// InjectAs is [Cluster.Inject] on behalf of a role. All but the director act in their
// own names.
func (c *Cluster) InjectAs(ctx context.Context, by api.Role, spec fault.Spec) (fault.Active, error) {
	spec, target, err := c.asked(by, spec)
	if err != nil {
		return fault.Active{}, err
	}
	return c.faults.inject(ctx, spec, target)
}

// asked reads the words of a fault that a role asks for, if it may.
func (c *Cluster) asked(by api.Role, spec fault.Spec) (fault.Spec, fault.Target, error) {
	if spec.By == "" && by != api.RoleDirector {
		spec.By = by.Actor()
	}
	spec, err := fault.Parse(spec.Verb, spec.Target, withBy(spec))
	if err != nil {
		return spec, fault.Target{}, err
	}
	target, err := fault.ParseTarget(spec.Target)
	if err != nil {
		return spec, target, err
	}
	return spec, target, c.noteRefused(by, spec.Target, api.CheckFault(by, spec, target.Kind))
}

func withBy(spec fault.Spec) map[string]string {
	args := map[string]string{}
	for k, v := range spec.Args {
		args[k] = v
	}
	if spec.By != "" {
		args[fault.By().Name] = string(spec.By)
	}
	return args
}

// Faults are those in force, oldest first.
func (c *Cluster) Faults() []fault.Active {
	all := []fault.Active{}
	for _, a := range c.faults.list() {
		all = append(all, a.Active)
	}
	return all
}

// inject dispatches on what is struck.
func (f *faults) inject(ctx context.Context, spec fault.Spec, t fault.Target) (fault.Active, error) {
	switch {
	case spec.Verb == "heal":
		return fault.Active{Spec: spec}, f.healOn(spec, t)
	case spec.Verb == "flap":
		return f.flap(spec, t)
	case t.Kind == fault.Provider || t.Kind == fault.Replica:
		return f.strikeReplicas(spec, t)
	case t.Kind == fault.Backup || t.Kind == fault.BackupStore:
		return f.strikeBackups(spec, t)
	case spec.Verb == "wipe" || spec.Verb == "corrupt":
		return f.harmEtcd(spec, t)
	case spec.Verb == "partition":
		return f.partition(spec, t)
	case t.Components() != nil:
		return f.strikeComponents(ctx, spec, t)
	case t.Node != "":
		return f.strikeNode(spec, t)
	}
	return f.crashContainers(spec, t)
}

// strikeComponents crashes, stops, starts, hangs or slows components. Those
// that are struck together fall in the same instant.
func (f *faults) strikeComponents(ctx context.Context, spec fault.Spec, t fault.Target) (fault.Active, error) {
	struck := f.targets(t)
	if len(struck) == 0 {
		return fault.Active{}, fmt.Errorf("this cluster has no %s", spec.Target)
	}
	if spec.Verb == "start" {
		return fault.Active{Spec: spec}, f.start(ctx, spec, struck)
	}
	ends := spec.Verb == "crash" || spec.Verb == "stop"
	if ends {
		var err error
		if struck, err = f.notDown(struck); err != nil {
			return fault.Active{}, err
		}
	}
	var cause int64
	if len(struck) > 1 {
		cause = f.record(spec, 0).Seq
	}
	a := fault.Active{Spec: spec}
	if spec.Verb == "slow" || spec.Args["hold"] != "no" {
		x := force(spec, t, cause)
		x.struck = names(struck)
		a = f.add(x)
	}
	f.settle(struck) // so that nobody starts what falls
	var errs []error
	var graceful sync.WaitGroup
	for _, c := range struck {
		err := f.strike(ctx, spec, c, &graceful)
		if err == nil {
			f.cluster.outage(c.Name(), f.recordOn(spec, c.Name(), cause))
		}
		errs = append(errs, err)
	}
	graceful.Wait()
	if !slices.Contains(errs, nil) {
		f.dropID(a.ID)
		f.settle(struck)
		return fault.Active{}, errors.Join(errs...)
	}
	if ends {
		f.letGo(names(struck), "hang") // with the program
		f.settle(struck)
	}
	return a, nil
}

// notDown are those of some components that no fault in force keeps down.
func (f *faults) notDown(list []*controlplane.Component) (free []*controlplane.Component, err error) {
	for _, c := range list {
		if a, down := f.on(c.Name(), "crash", "stop"); down {
			err = errors.Join(err, fmt.Errorf("%s is down already, by %s: %s", c.Name(), a.ID, a.Spec))
			continue
		}
		free = append(free, c)
	}
	if len(free) > 0 {
		err = nil
	}
	return free, err
}

// strike strikes one component. A graceful end goes on behind the scenes.
func (f *faults) strike(ctx context.Context, spec fault.Spec, c *controlplane.Component, graceful *sync.WaitGroup) error {
	switch spec.Verb {
	case "crash":
		return c.Crash()
	case "stop":
		graceful.Go(func() {
			sctx, cancel := context.WithTimeout(ctx, stopGrace)
			defer cancel()
			_ = c.Stop(sctx) // one that is down already is what was asked for
		})
	case "hang":
		c.Hang()
	case "slow":
		c.Slow(spec.Duration("latency"))
	}
	return nil
}

// start starts components in order and ends the faults that held them down. It
// does not wait until they serve: like the real ones, they come when they can.
func (f *faults) start(ctx context.Context, spec fault.Spec, struck []*controlplane.Component) error {
	f.record(spec, 0)
	f.letGo(names(struck), "crash", "stop")
	f.wake(struck)
	f.cluster.work.Go(func() {
		if err := f.cluster.plane.StartSome(context.WithoutCancel(ctx), struck); err != nil && f.cluster.ctx.Err() == nil {
			f.cluster.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "failed to start", Subject: spec.Target, Message: err.Error()})
		}
	})
	return nil
}

// targets are the components that a target comprises.
func (f *faults) targets(t fault.Target) (list []*controlplane.Component) {
	for _, name := range t.Components() {
		list = append(list, f.cluster.plane.Group(name)...)
	}
	return list
}

// strikeNode does something to one worker machine.
func (f *faults) strikeNode(spec fault.Spec, t fault.Target) (fault.Active, error) {
	fleet := f.cluster.fleet
	name, ok := fleet.NodeName(t.Node)
	if !ok {
		return fault.Active{}, fmt.Errorf("no node %q; the nodes are %v", t.Node, fleet.NodeNames())
	}
	hold := spec.Args["hold"] != "no"
	do := map[string]func(string, timeline.Actor) (timeline.Event, error){
		"power-off": fleet.PowerOff, "power-on": fleet.PowerOn, "cut": fleet.CutNetwork, "start": fleet.StartKubelet,
		"stop": func(node string, by timeline.Actor) (timeline.Event, error) {
			return fleet.CrashKubelet(node, by, true, hold)
		},
		"crash": func(node string, by timeline.Actor) (timeline.Event, error) {
			return fleet.CrashKubelet(node, by, false, hold)
		},
	}[spec.Verb]
	if do == nil {
		return fault.Active{}, fmt.Errorf("%s cannot be done to a node", spec.Verb)
	}
	e, err := do(name, spec.By)
	if err != nil {
		return fault.Active{}, err
	}
	t.Node = name
	spec.Target = t.String()
	opposite := map[string][]string{"power-on": {"power-off"}, "start": {"stop", "crash"}}[spec.Verb]
	if opposite != nil {
		f.letGo([]string{spec.Target}, opposite...)
		return fault.Active{Spec: spec}, nil
	}
	if !hold {
		return fault.Active{Spec: spec, Event: e.Seq}, nil
	}
	return f.add(force(spec, t, e.Seq)), nil
}

// record puts a fault on the timeline.
func (f *faults) record(spec fault.Spec, cause int64) timeline.Event {
	return f.recordOn(spec, spec.Target, cause)
}

func (f *faults) recordOn(spec fault.Spec, subject string, cause int64) timeline.Event {
	message := fmt.Sprintf("%s %s", spec.Verb, spec.Target)
	for _, k := range slices.Sorted(maps.Keys(spec.Args)) {
		message += " " + k + "=" + spec.Args[k]
	}
	return f.cluster.log.Append(timeline.Event{Actor: spec.By, Verb: pastTense[spec.Verb], Subject: subject, Cause: cause, Message: message})
}

// pastTense is how a verb reads on the timeline.
var pastTense = map[string]string{
	"crash": "crashed", "stop": "stopped", "start": "starting", "hang": "hung", "slow": "slowed",
	"partition": "partitioned", "flap": "flapping", "heal": "healed", "wipe": "wiped", "corrupt": "corrupted", "fill": "filled",
}
