package faults

import (
	"context"
	"errors"

	"demarc/nodes/cloud"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// cloudBreaks has Azure's API answer with errors, or its DNS not at all.
var cloudBreaks = effect{
	whole: func(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
		if a, broken := f.on(x.Target, x.Verb); broken {
			return fault.Active{}, errors.New("that is so already, by " + a.ID + ": " + a.Spec.String())
		}
		a := f.begin(x)
		f.settleCloud()
		if x.at.Kind == fault.CloudDNS {
			e, _ := f.Log.Get(a.Event)
			f.Outage(x.Target, e)
		}
		return a, nil
	},
	undo: func(f *Faults, _ inForce, _ timeline.Actor) error {
		f.settleCloud()
		return nil
	},
}

// settleCloud leaves Azure's API, and its DNS, as the faults in force want it. Who is throttled is not
// heard at all.
func (f *Faults) settleCloud() {
	var disks, shares, balancers, routes error
	if _, fails := f.on(string(fault.CloudDisks), "fail"); fails {
		disks = cloud.ErrInternal
	}
	if _, fails := f.on(string(fault.CloudBalancers), "fail"); fails {
		balancers = cloud.ErrInternal
	}
	if _, throttled := f.on(string(fault.Cloud), "throttle"); throttled {
		disks, shares, balancers, routes = cloud.ErrThrottled, cloud.ErrSharesThrottled, cloud.ErrBalancersThrottled, cloud.ErrRoutesThrottled
	}
	_, lost := f.on(string(fault.CloudDNS), "fail")
	f.CloudDNS.Lose(lost)
	f.CloudDisks.Break(disks)
	f.CloudShares.Break(shares)
	f.CloudBalancers.Break(balancers)
	f.CloudRoutes.Break(routes)
}
