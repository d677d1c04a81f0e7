package faults

import (
	"context"
	"errors"
	"strconv"

	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// cut takes a machine off the network.
var cut = effect{
	node: func(n Nodes, node string, s fault.Spec) (timeline.Event, error) { return n.CutNetwork(node, s.By) },
	undo: func(f *Faults, ended inForce, by timeline.Actor) error {
		_, err := f.Nodes.RestoreNetwork(ended.at.Node, by)
		return err
	},
}

// partition cuts a link. One node's link to the API server is its network.
var partition = effect{
	node:    cut.node,
	replica: Replicas.Cut,
	whole:   cutLink,
	undo: func(f *Faults, ended inForce, by timeline.Actor) error {
		switch ended.at.Kind {
		case fault.Node:
			return cut.undo(f, ended, by)
		case fault.Replica:
			return rejoinReplica(f, ended)
		}
		return rejoinLink(f, ended)
	},
}

func cutLink(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
	if err := f.Plane.Partition(x.Target, x.Args["from"]); err != nil {
		return fault.Active{}, err
	}
	e := f.record(x.Spec, x.Target, 0)
	x.Event = e.Seq
	a := f.add(x)
	for _, c := range f.components(x) {
		f.Outage(c.Name(), e)
	}
	return a, nil
}

// rejoinLink mends a link, but for what other faults cut of it.
func rejoinLink(f *Faults, ended inForce) error {
	err := f.Plane.Rejoin(ended.Target, ended.Args["from"])
	for _, x := range f.list() {
		if x.Verb == ended.Verb && x.at.Kind != fault.Replica && x.at.Kind != fault.Node {
			err = errors.Join(err, f.Plane.Partition(x.Target, x.Args["from"]))
		}
	}
	return err
}

// rejoinReplica ends the partition of a replica, unless another fault cuts it off too.
func rejoinReplica(f *Faults, ended inForce) error {
	if _, cut := f.on(ended.Target, ended.Verb); cut {
		return nil
	}
	i, err := strconv.Atoi(ended.at.Replica)
	if err == nil {
		err = f.Replicas.Rejoin(i)
	}
	f.Well(ended.Target)
	return err
}
