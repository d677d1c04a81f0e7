package script

import "demarc/sim/api"

// The types of operations that checks see. Times are seconds since the cluster was
// ready; what has not happened has 0.
type (
	celOperation struct {
		ID      string  `cel:"id"`
		Kind    string  `cel:"kind"`
		Subject string  `cel:"subject"`
		Message string  `cel:"message"`
		State   string  `cel:"state"`
		Error   string  `cel:"error"`
		Event   int64   `cel:"event"`
		Began   float64 `cel:"began"`
		Ended   float64 `cel:"ended"`
		// From and To are the control plane's versions in an upgrade, and
		// ControlPlane when it was upgraded.
		From         string  `cel:"from"`
		To           string  `cel:"to"`
		ControlPlane float64 `cel:"controlPlane"`
		// Nodes are those that an upgrade is at, Surge the names of its surge nodes.
		Nodes []celNodeUpgrade `cel:"nodes"`
		Surge []string         `cel:"surge"`
	}
	celNodeUpgrade struct {
		Name     string   `cel:"name"`
		Pool     string   `cel:"pool"`
		Cordoned float64  `cel:"cordoned"`
		Drained  float64  `cel:"drained"`
		Reimaged float64  `cel:"reimaged"`
		Ready    float64  `cel:"ready"`
		Blocked  string   `cel:"blocked"`
		Lost     []string `cel:"lost"`
	}
)

func (r *run) celOperations() []*celOperation {
	return convert(r.world.Operations(), func(x api.Operation) *celOperation {
		c := &celOperation{
			ID: x.ID, Kind: x.Kind, Subject: x.Subject, Message: x.Message, State: x.State, Error: x.Error, Event: x.Event,
			Began: seconds(x.Began, r.ready), Ended: seconds(x.Ended, r.ready),
		}
		if x.Upgrade == nil {
			return c
		}
		c.From, c.To, c.ControlPlane = x.Upgrade.From, x.Upgrade.To, seconds(x.Upgrade.ControlPlaneDone, r.ready)
		for _, p := range x.Upgrade.Pools {
			for _, n := range p.Nodes {
				c.Nodes = append(c.Nodes, celNodeUpgrade{
					Name: n.Name, Pool: p.Name, Cordoned: seconds(n.Cordoned, r.ready), Drained: seconds(n.Drained, r.ready),
					Reimaged: seconds(n.Reimaged, r.ready), Ready: seconds(n.Ready, r.ready), Blocked: n.Blocked, Lost: n.Lost,
				})
			}
			c.Surge = append(c.Surge, convert(p.SurgeNodes, func(n api.NodeUpgrade) string { return n.Name })...)
		}
		return c
	})
}
