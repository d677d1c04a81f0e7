package faults

import (
	"context"
	"errors"
	"maps"
	"slices"

	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// outage takes the power of an availability zone.
var outage = effect{
	whole: func(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
		if err := f.exists(x.at); err != nil {
			return fault.Active{}, err
		}
		if a, lost := f.on(x.Target, x.Verb); lost {
			return fault.Active{}, errors.New("that is so already, by " + a.ID + ": " + a.Spec.String())
		}
		a := f.begin(x)
		e, _ := f.Log.Get(a.Event)
		f.Nodes.LoseZone(x.at.Zone, e)
		return a, nil
	},
	undo: func(f *Faults, ended inForce, by timeline.Actor) error {
		f.Nodes.RestoreZone(ended.at.Zone, by)
		return nil
	},
}

// Resume puts into force what the last engine has left of faults that are kept: zones without
// power. Of what else it did to machines, these know how to be mended without it.
func (f *Faults) Resume() {
	lost := f.Nodes.LostZones()
	for _, zone := range slices.Sorted(maps.Keys(lost)) {
		at, e := fault.Target{Kind: fault.Zone, Zone: zone}, lost[zone]
		f.add(inForce{at: at, Active: fault.Active{Event: e.Seq, Spec: fault.Spec{Verb: "outage", Target: at.String(), By: e.Actor}}})
	}
}
