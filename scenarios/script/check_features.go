package script

import "demarc/sim/api"

func (r *run) celFeatures() []*celFeature {
	return convert(r.world.Features(), func(f api.Feature) *celFeature {
		c := &celFeature{Name: f.Name, State: f.State, Stage: f.Stage, InForce: f.InForce}
		if f.State == api.FeatureRegistered {
			c.Registered = seconds(f.Since, r.ready)
		}
		return c
	})
}
