package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"demarc/nodes/network"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// impair loses or delays packets on their way through the network.
var impair = effect{
	bearable: true,
	whole: func(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
		to, err := f.other(x)
		if err == nil {
			err = errors.Join(f.exists(x.at), f.exists(to))
		}
		if err != nil {
			return fault.Active{}, err
		}
		if to.Kind != "" {
			x.Args = maps.Clone(x.Args)
			x.Args["to"] = to.String()
		}
		x.end = f.Fine() // what is sent again after 200 ms is so in free run, too
		a := f.begin(x)
		f.settleLinks()
		return a, nil
	},
	undo: func(f *Faults, _ inForce, _ timeline.Actor) error {
		f.settleLinks()
		return nil
	},
}

// settleLinks leaves the network as the faults in force want it.
func (f *Faults) settleLinks() {
	var all []network.Link
	for _, x := range f.list() {
		if x.Verb == "lose" || x.Verb == "delay" {
			to, _ := fault.ParseTarget(x.Args["to"]) // was found when the fault began; none is all that x.at is not
			all = append(all, network.Link{A: end(x.at), B: end(to), Loss: x.Share("packets"), Latency: x.Duration("latency")})
		}
	}
	f.Nodes.SetLinks(all)
}

// other is the other end of what a fault strikes, with a node's full name; the zero Target if
// it names none.
func (f *Faults) other(x inForce) (fault.Target, error) {
	to, given := x.Args["to"]
	if !given {
		return fault.Target{}, nil
	}
	at, err := fault.ParseTarget(to)
	y := inForce{at: at}
	if err == nil {
		err = f.resolve(&y)
	}
	if err == nil && y.at == x.at {
		err = fmt.Errorf("to=%s is the target itself", to)
	}
	return y.at, err
}

// exists says why there is no such end of a link.
func (f *Faults) exists(t fault.Target) error {
	zones := f.Nodes.Zones()
	switch {
	case t.Kind != fault.Zone || slices.Contains(zones, t.Zone):
		return nil
	case len(zones) == 0:
		return fmt.Errorf("no zone %q: the cluster's nodes are in no zones; those of a cluster that is made with --zones 1,2,3 are", t.Zone)
	}
	return fmt.Errorf("no zone %q; the zones are %s", t.Zone, strings.Join(zones, ", "))
}

// end is one end of a link; the zero End for the zero Target.
func end(t fault.Target) network.End {
	return network.End{Node: t.Node, Zone: t.Zone, Outside: t.Kind == fault.Outside}
}
