package provider

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/api"
)

// Nodes is how many nodes all pools are to have.
func (c Cluster) Nodes() (n int) {
	for _, p := range c.Pools {
		n += p.Count
	}
	return n
}

// pool is a pool by its name.
func (c Cluster) pool(name string) (Pool, bool) {
	i := slices.IndexFunc(c.Pools, func(p Pool) bool { return p.Name == name })
	if i < 0 {
		return Pool{}, false
	}
	return c.Pools[i], true
}

// withPool is the cluster with one pool changed. It shares nothing with c, which
// may be the log's.
func (c Cluster) withPool(p Pool) Cluster {
	c.Pools = slices.Clone(c.Pools)
	for i, old := range c.Pools {
		if old.Name == p.Name {
			c.Pools[i] = p
		}
	}
	return c
}

// without is the cluster without a pool.
func (c Cluster) without(name string) Cluster {
	c.Pools = slices.DeleteFunc(slices.Clone(c.Pools), func(p Pool) bool { return p.Name == name })
	return c
}

// systemPools are the names of the pools of mode System: at least one must be left.
func (c Cluster) systemPools() (names []string) {
	for _, p := range c.Pools {
		if p.Mode != api.ModeUser {
			names = append(names, p.Name)
		}
	}
	return names
}

// noPool is the answer about a pool that is not there.
func noPool(name string) error {
	return api.Coded("NotFound", "the cluster has no node pool %q: demarc nodepool list lists them", name)
}

// version is a pool's version of Kubernetes.
func (c Cluster) version(p Pool) string { return cmp.Or(p.KubernetesVersion, c.KubernetesVersion) }

// surge is how many surge nodes an upgrade of a pool uses: a number, or a part of
// the pool's nodes, which is rounded up (Microsoft, "Customize node surge upgrade",
// 2026).
func surge(wanted string, nodes int) (int, error) {
	digits, part := strings.CutSuffix(wanted, "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || part && n > 100 {
		return 0, api.Coded("InvalidParameter", "max surge %q: want a number of nodes from 1, or a part of the pool from 1%% to 100%%", wanted)
	}
	if part {
		n = (nodes*n + 99) / 100
	}
	return max(min(n, nodes), 1), nil
}

// checkTimes refuses times of an upgrade that AKS does not take.
func checkTimes(drain, soak api.Duration) error {
	switch {
	case drain < api.Duration(api.MinDrainTimeout) || drain > api.Duration(api.MaxDrainTimeout):
		return api.Coded("InvalidParameter", "drain timeout %s: it can be from 5 minutes to 24 hours", time.Duration(drain))
	case soak < 0 || soak > api.Duration(api.MaxNodeSoak):
		return api.Coded("InvalidParameter", "node soak duration %s: it can be from 0 to 30 minutes", time.Duration(soak))
	}
	return nil
}
