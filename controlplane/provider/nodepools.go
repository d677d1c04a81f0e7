package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"demarc/sim/api"
)

// errNoNodes is of a plane that looks after no nodes.
var errNoNodes = errors.New("the provider's plane looks after no nodes of this cluster: it has no node pools")

// systemPoolNeeded is AKS's refusal to be without a system node pool (GitHub issue
// Azure/aks-engine#542, 2020).
func systemPoolNeeded() error {
	return api.Coded("OperationNotAllowed", "There has to be at least one system agent pool.")
}

// AddPool has the leader make another pool, whose shape is complete and valid. It returns
// as soon as that is in the log. The error has AKS's code.
func (o *Operator) AddPool(ctx context.Context, r *Replicas, p Pool) (api.Operation, error) {
	if o.cfg.Cloud == nil {
		return api.Operation{}, errNoNodes
	}
	return o.beginWith(ctx, r, func(s State) (op api.Operation, with *Cluster, err error) {
		c := s.Cluster
		if p, err = o.planAdd(c, p); err != nil {
			return op, nil, err
		}
		c.Pools = append(slices.Clone(c.Pools), p)
		if err := o.fits(s, c); err != nil {
			return op, nil, err
		}
		op = api.Operation{
			Kind: api.OpCreatePool, Subject: poolSubject(p.Name), Message: fmt.Sprintf("%s pool of %s, %s", p.Mode, plural(p.Count, "node"), p.Size),
			Scale: &api.Scale{Pool: p.Name, To: p.Count, Add: p.Count},
		}
		return op, &c, nil
	})
}

// planAdd is the pool with its versions. Only a pool that could not be made can be asked
// for again: it has to be deleted first, as in AKS.
func (o *Operator) planAdd(c Cluster, p Pool) (Pool, error) {
	if _, taken := c.pool(p.Name); taken {
		return p, api.Coded("BadRequest", "Node pool %s already exists, please try a different name, use 'demarc nodepool list' to get current list of node pool", p.Name)
	}
	if err := checkCount(p.Mode, p.Count); err != nil {
		return p, err
	}
	if p.EnableAutoScaling && (p.Count < p.MinCount || p.Count > p.MaxCount) {
		return p, api.Coded("InvalidParameter", "node-count is not in the range of min-count and max-count")
	}
	version, err := api.ResolveKubernetes(cmp.Or(p.KubernetesVersion, c.KubernetesVersion))
	if err != nil {
		return p, err
	}
	if err := checkPoolVersion(c, version); err != nil {
		return p, err
	}
	p.KubernetesVersion, p.NodeImage = version, o.cfg.Cloud.LatestImage(version)
	return p, nil
}

// checkPoolVersion refuses a version that a new pool cannot have.
func checkPoolVersion(c Cluster, version string) error {
	switch {
	case api.CompareKubernetes(version, c.KubernetesVersion) > 0:
		return newerThanControlPlane(c, version)
	case api.KubernetesSkew(c.KubernetesVersion, version) > maxSkew:
		return api.Coded("NodePoolMcVersionIncompatible", "Node pool version %s and control plane version %s are incompatible. "+
			"Node pool version can't be more than %d versions less than control plane version", version, c.KubernetesVersion, maxSkew)
	}
	return nil
}

// DeletePool has the leader drain and delete a pool. It returns as soon as that is in the
// log. The error has AKS's code.
func (o *Operator) DeletePool(ctx context.Context, r *Replicas, name string, ignorePDB bool) (api.Operation, error) {
	if o.cfg.Cloud == nil {
		return api.Operation{}, errNoNodes
	}
	return o.beginOperation(ctx, r, func(s State) (op api.Operation, err error) {
		if _, ok := s.Cluster.pool(name); !ok {
			return op, noPool(name)
		}
		if slices.Equal(s.Cluster.systemPools(), []string{name}) {
			return op, systemPoolNeeded()
		}
		vms := o.cfg.Cloud.VMs(name)
		scale := &api.Scale{Pool: name, From: len(vms), Missing: o.cfg.Cloud.MissingVMs(name), IgnorePDB: ignorePDB}
		for _, vm := range slices.Backward(vms) {
			scale.Removed = append(scale.Removed, api.NodeUpgrade{Name: vm})
		}
		return api.Operation{Kind: api.OpDeletePool, Subject: poolSubject(name), Message: plural(len(vms), "node"), Scale: scale}, nil
	})
}

// UpdatePool has the leader change the labels, taints or mode of a pool, or what the
// autoscaler does with it: change gives it another shape or other bounds, which are valid. It
// returns as soon as that is in the log. The error has AKS's code.
func (o *Operator) UpdatePool(ctx context.Context, r *Replicas, name string, change func(Pool) (Pool, error)) (api.Operation, error) {
	if o.cfg.Cloud == nil {
		return api.Operation{}, errNoNodes
	}
	return o.beginOperation(ctx, r, func(s State) (op api.Operation, err error) {
		p, ok := s.Cluster.pool(name)
		if !ok {
			return op, noPool(name)
		}
		after, err := change(p)
		switch {
		case err != nil:
			return op, err
		case after.Mode == api.ModeUser && slices.Equal(s.Cluster.systemPools(), []string{name}):
			return op, systemPoolNeeded()
		}
		if err := checkCount(after.Mode, p.Count); err != nil {
			return op, err
		}
		reshape := &api.Reshape{Pool: name, Before: p.PoolShape, After: after.PoolShape}
		if after.Autoscaling != p.Autoscaling {
			reshape.Autoscaling = &after.Autoscaling
			if err := o.fits(s, s.Cluster.withPool(after)); err != nil {
				return op, err
			}
		}
		return api.Operation{Kind: api.OpUpdatePool, Subject: poolSubject(name), Message: reshapeText(reshape), Reshape: reshape}, nil
	})
}

// reshapeText says what a pool has after a change.
func reshapeText(r *api.Reshape) string {
	before, after := r.Before, r.After
	switch {
	case r.Autoscaling != nil && r.Autoscaling.EnableAutoScaling:
		return fmt.Sprintf("cluster autoscaler, from %d to %d nodes", r.Autoscaling.MinCount, r.Autoscaling.MaxCount)
	case r.Autoscaling != nil:
		return "no cluster autoscaler"
	case before.Mode != after.Mode:
		return "mode " + after.Mode
	}
	return fmt.Sprintf("%s, %s", plural(len(after.Labels), "label"), plural(len(after.Taints), "taint"))
}

// reshape goes on where the record ends: new nodes come as the pool is now, and those that
// are there are brought into line.
func (x *operation) reshape(ctx context.Context) error {
	s := x.rec.Reshape
	if err := x.o.cfg.Cloud.SetPool(ctx, s.Pool, s.After); err != nil {
		return x.refused(ctx, "update the scale set of "+s.Pool, err)
	}
	if err := x.pollNodes(ctx, func(ctx context.Context, here map[string]Node) (done bool, err error) {
		for _, name := range x.o.cfg.Cloud.VMs(s.Pool) {
			if _, ok := here[name]; ok && !did(ctx, func(ctx context.Context) error { return x.o.cfg.Nodes.Shape(ctx, name, s.Before, s.After) }) {
				return false, nil
			}
		}
		return true, nil
	}); err != nil {
		return err
	}
	c := x.l.State().Cluster
	pool, _ := c.pool(s.Pool)
	if pool.PoolShape = s.After; s.Autoscaling != nil {
		pool.Autoscaling = *s.Autoscaling
	}
	return x.save(ctx, SetCluster(c.withPool(pool)))
}
