package operate

import (
	"context"

	"demarc/controlplane/autoscaler"
	"demarc/controlplane/provider"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

// autoscale runs the cluster autoscaler during a leadership.
func (m *Management) autoscale(ctx context.Context, s *provider.Scaler) {
	select {
	case <-m.Installed: // its place is in a cluster that is there
	case <-ctx.Done():
		return
	}
	autoscaler.New(autoscaler.Config{
		Client: m.Client, Cloud: scaledPools{m, s}, Objects: seenObjects{m}, Seed: m.Spec.Seed,
		Serving: m.serves,
	}).Run(ctx)
}

// scaledPools are the node pools that the autoscaler decides on.
type scaledPools struct {
	m *Management
	*provider.Scaler
}

var _ autoscaler.Cloud = scaledPools{}

// Groups implements [autoscaler.Cloud].
func (p scaledPools) Groups() (groups []autoscaler.Group, busy bool) {
	pools, why := p.Pools()
	if why != nil {
		return nil, len(pools) > 0
	}
	for _, x := range pools {
		template := p.m.Fleet.Template(x.Name, "v"+x.KubernetesVersion)
		if template == nil {
			continue // its scale set comes with its first node
		}
		groups = append(groups, autoscaler.Group{
			Pool: x.Name, Name: p.m.Fleet.ScaleSet(x.Name), Min: x.MinCount, Max: x.MaxCount,
			VMs: p.m.Fleet.PoolNodes(x.Name), Template: template,
		})
	}
	return groups, false
}

// seenObjects is what the fleet's informers have.
type seenObjects struct{ m *Management }

// Nodes implements [autoscaler.Objects].
func (o seenObjects) Nodes() ([]*corev1.Node, error) { return o.m.Fleet.NodeObjects() }

// Pods implements [autoscaler.Objects].
func (o seenObjects) Pods() ([]*corev1.Pod, error) { return o.m.Fleet.PodObjects() }

// Observe implements [autoscaler.Objects].
func (o seenObjects) Observe(changed func()) (end func()) { return o.m.Fleet.Observe(changed) }

// checkAutoscaler is what a request makes of a pool's autoscaling. It refuses what az refuses,
// in its words (azure-cli, command module acs, agentpool_decorator.py, 2026).
func checkAutoscaler(now api.Autoscaling, r api.AutoscalerRequest, mode string) (api.Autoscaling, error) {
	refuse := func(format string, args ...any) (api.Autoscaling, error) {
		return now, api.Coded("InvalidParameter", format, args...)
	}
	switch {
	case !r.Asked() && now.EnableAutoScaling && mode == api.ModeSystem && now.MinCount < 1:
		return now, invalid("minCount", "a system node pool has at least 1 node, not %d", now.MinCount)
	case !r.Asked():
		return now, nil
	case (r.Action == "" || r.Action == api.AutoscalerDisable) && (r.MinCount != nil || r.MaxCount != nil):
		return refuse("min-count and max-count are required for --enable-cluster-autoscaler or --update-cluster-autoscaler, please use the flag")
	case r.Action == api.AutoscalerEnable && now.EnableAutoScaling:
		return refuse("Cluster autoscaler is already enabled for this node pool. Please use --update-cluster-autoscaler if you want to update min-count or max-count.")
	case r.Action == api.AutoscalerUpdate && !now.EnableAutoScaling:
		return refuse("Cluster autoscaler is not enabled for this node pool. Use --enable-cluster-autoscaler to enable it with min-count and max-count.")
	case r.Action == api.AutoscalerDisable && !now.EnableAutoScaling:
		return refuse("Cluster autoscaler is already disabled for this node pool.")
	case r.Action == api.AutoscalerDisable:
		return api.Autoscaling{}, nil
	case r.Action != api.AutoscalerEnable && r.Action != api.AutoscalerUpdate:
		return refuse("the cluster autoscaler can be enabled, updated or disabled, not %q", r.Action)
	case r.MinCount == nil || r.MaxCount == nil:
		return refuse("Please specify both min-count and max-count when --%s-cluster-autoscaler enabled", r.Action)
	}
	least, most := *r.MinCount, *r.MaxCount
	switch {
	case least > most:
		return refuse("Value of min-count should be less than or equal to value of max-count")
	case least < 0 || mode == api.ModeSystem && least < 1:
		return now, invalid("minCount", "a user node pool has at least 0 nodes and a system node pool 1, not %d", least)
	case most < 1 || most > api.MaxNodes:
		return now, invalid("maxCount", "a node pool has 1 to %d nodes, not %d", api.MaxNodes, most)
	}
	return api.Autoscaling{EnableAutoScaling: true, MinCount: least, MaxCount: most}, nil
}
