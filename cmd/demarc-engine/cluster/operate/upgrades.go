package operate

import (
	"cmp"
	"context"
	"strings"

	"demarc/controlplane/provider"
	"demarc/sim/api"
)

// Upgrade begins an upgrade of the cluster or of a pool.
func (m *Management) Upgrade(ctx context.Context, req api.UpgradeRequest) (api.Operation, error) {
	m.updating.Lock() // an update is done when it returns
	defer m.updating.Unlock()
	return m.Operator.Upgrade(ctx, m.Memory, req)
}

// Operations implements [run.World].
func (m *Management) Operations() []api.Operation {
	return m.Operator.Operations(m.Memory)
}

// Upgrades says what the cluster and its pools can be upgraded to.
func (m *Management) Upgrades() api.UpgradeProfile {
	return m.Operator.Profile(m.Memory)
}

// wantedCluster is what is wanted of the cluster at its start: what the provider's
// plane remembers, or for a new one what its maker wants. Members of etcd and API
// servers are the maker's in any case.
func (m *Management) wantedCluster(known provider.Cluster) (provider.Cluster, error) {
	version, err := api.ResolveKubernetes(m.Spec.KubernetesVersion)
	if err != nil {
		return known, err
	}
	if known.KubernetesVersion == "" {
		known.KubernetesVersion = cmp.Or(m.Store.KubernetesVersion(), version)
	}
	known.KubernetesVersion = strings.TrimPrefix(known.KubernetesVersion, "v") // as earlier versions wrote it
	if len(known.Pools) == 0 {
		known.Pools = []provider.Pool{{Name: api.DefaultPool, Count: m.Spec.Nodes}}
	}
	pools := make([]provider.Pool, len(known.Pools))
	for i, p := range known.Pools {
		if p.KubernetesVersion == "" {
			p.KubernetesVersion = known.KubernetesVersion
		}
		if p.NodeImage == "" {
			p.NodeImage = cmp.Or(m.Spec.NodeImage, vms{m}.LatestImage(p.KubernetesVersion))
		}
		if p.Mode == "" { // as earlier versions wrote it
			p.PoolShape = api.PoolShape{Zones: m.Spec.Zones, MaxPods: m.Spec.DefaultMaxPods()}.WithDefaults(api.ModeSystem)
		}
		pools[i] = p
	}
	known.Pools = pools
	known.EtcdMembers, known.APIServers = max(m.Spec.EtcdMembers, 1), max(m.Spec.APIServers, 1)
	return known, nil
}
