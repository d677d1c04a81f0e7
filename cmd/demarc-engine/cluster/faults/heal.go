package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"demarc/sim/fault"
	"demarc/sim/timeline"
)

var heal = effect{whole: healTarget}

// healTarget ends the faults that hold a target, as far as heal ends such faults.
func healTarget(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
	verbs := fault.EndedBy(x.Verb)
	ended := f.drop(func(o inForce) bool { return slices.Contains(verbs, o.Verb) && comprises(x.at, o.at) })
	if len(ended) == 0 && x.at.Kind != fault.All {
		return fault.Active{}, fmt.Errorf("nothing to heal on %s: no %s or %s is in force there", x.Target,
			strings.Join(verbs[:len(verbs)-1], ", "), verbs[len(verbs)-1])
	}
	return x.Active, f.undo(ended, x.By)
}

// comprises says whether a target is another, or more than that: etcd comprises etcd/0,
// and is a part of control-plane that is healed for itself.
func comprises(t, other fault.Target) bool {
	switch t.Kind {
	case fault.All:
		return true
	case fault.ControlPlane:
		return other.Components() != nil
	case fault.Provider:
		return other.Kind == fault.Provider || other.Kind == fault.Replica
	case fault.Cloud:
		return other.Kind == fault.Cloud || other.Kind == fault.CloudDisks || other.Kind == fault.CloudBalancers || other.Kind == fault.CloudDNS
	case fault.Component:
		return other.Kind == fault.ControlPlane && t.Instance == "" ||
			other.Component == t.Component && (t.Instance == "" || t.Instance == other.Instance)
	}
	return t == other
}

// Repair is what ends a fault in force, in words: start etcd, heal node/0.
func (f *Faults) Repair(id string) (fault.Spec, error) {
	x, err := f.find(id)
	kind, _ := fault.Lookup(x.Verb)
	return fault.Spec{Verb: kind.EndedBy, Target: x.Target, By: x.By}, err
}

func (f *Faults) find(id string) (inForce, error) {
	for _, x := range f.list() {
		if x.ID == id {
			return x, nil
		}
	}
	return inForce{}, fmt.Errorf("no fault %q is in force", id)
}

// End ends the fault with the ID given, and no other: what it has taken down is started
// again. The words are those of [Faults.Repair].
func (f *Faults) End(ctx context.Context, id string, repair fault.Spec) error {
	x, err := f.find(id)
	if err != nil {
		return err
	}
	if repair.Verb == "heal" {
		return f.undo(f.dropID(id), repair.By)
	}
	_, err = f.inject(ctx, inForce{Active: fault.Active{Spec: repair}, at: x.at, struck: x.struck})
	return err
}

// undo ends the effects of faults that are no longer in force. Machines record that
// themselves.
func (f *Faults) undo(ended []inForce, by timeline.Actor) error {
	var errs []error
	for _, x := range ended {
		if f.effects[x.Verb].node == nil || x.at.Kind != fault.Node {
			f.record(fault.Spec{Verb: "heal", Target: x.Target, By: by}, x.Target, x.Event)
		}
		if undo := f.effects[x.Verb].undo; undo != nil {
			errs = append(errs, undo(f, x, by))
		}
	}
	return errors.Join(errs...)
}
