package cluster

import (
	"cmp"
	"context"
	"strings"

	"demarc/controlplane/provider"
	"demarc/sim/api"
)

// Upgrade begins an upgrade of the cluster or of a pool.
func (c *Cluster) Upgrade(ctx context.Context, req api.UpgradeRequest) (api.Operation, error) {
	c.updating.Lock() // an update is done when it returns
	defer c.updating.Unlock()
	return c.operations.operator.Upgrade(ctx, c.operations.replicas, req)
}

// Operations implements [script.World].
func (c *Cluster) Operations() []api.Operation {
	return c.operations.operator.Operations(c.operations.replicas)
}

// Upgrades says what the cluster and its pools can be upgraded to.
func (c *Cluster) Upgrades() api.UpgradeProfile {
	return c.operations.operator.Profile(c.operations.replicas)
}

// wantedCluster is what is wanted of the cluster at its start: what the provider's
// plane remembers, or for a new one what its maker wants. Members of etcd and API
// servers are the maker's in any case.
func (c *Cluster) wantedCluster(known provider.Cluster) (provider.Cluster, error) {
	version, err := api.ResolveKubernetes(c.spec.KubernetesVersion)
	if err != nil {
		return known, err
	}
	if known.KubernetesVersion == "" {
		known.KubernetesVersion = cmp.Or(c.operations.store.KubernetesVersion(), version)
	}
	known.KubernetesVersion = strings.TrimPrefix(known.KubernetesVersion, "v") // as earlier versions wrote it
	if len(known.Pools) == 0 {
		known.Pools = []provider.Pool{{Name: "nodepool1", Count: c.spec.Nodes}}
	}
	pools := make([]provider.Pool, len(known.Pools))
	for i, p := range known.Pools {
		if p.KubernetesVersion == "" {
			p.KubernetesVersion = known.KubernetesVersion
		}
		if p.NodeImage == "" {
			p.NodeImage = vms{c}.LatestImage(p.KubernetesVersion)
		}
		pools[i] = p
	}
	known.Pools = pools
	known.EtcdMembers, known.APIServers = max(c.spec.EtcdMembers, 1), max(c.spec.APIServers, 1)
	return known, nil
}
