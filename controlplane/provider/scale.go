package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"demarc/sim/api"
)

// ScalePool has the leader change the number of a pool's nodes. It returns as soon
// as that is in the log. The error has AKS's code.
func (o *Operator) ScalePool(ctx context.Context, r *Replicas, pool string, count int) (api.Operation, error) {
	if o.cfg.Cloud == nil {
		return api.Operation{}, errors.New("the provider's plane looks after no nodes of this cluster: nothing can be scaled")
	}
	return o.beginOperation(ctx, r, func(s State) (api.Operation, error) {
		op, err := planScale(s.Cluster, pool, count, o.cfg.Cloud.VMs(pool), o.cfg.Cloud.MissingVMs(pool))
		if err == nil {
			p, _ := s.Cluster.pool(pool)
			p.Count = op.Scale.To
			err = o.fits(s, s.Cluster.withPool(p))
		}
		return op, err
	})
}

// fits refuses a cluster that has more nodes than its load balancer has ports for, or its
// network room.
func (o *Operator) fits(s State, c Cluster) error {
	if err := s.Settings.LoadBalancer.Fits(c.Nodes()); err != nil || o.cfg.Room == nil {
		return err
	}
	return o.cfg.Room(c.Pools)
}

// checkCount refuses a number of nodes that a pool of a mode cannot have.
func checkCount(mode string, count int) error {
	kind, least := "system", 1
	if mode == api.ModeUser {
		kind, least = "user", 0
	}
	if count < least || count > api.MaxNodes {
		return api.Coded("InvalidParameter", "The value of parameter agentPoolProfile.count is invalid: a %s node pool has %d to %d nodes, not %d", kind, least, api.MaxNodes, count)
	}
	return nil
}

// planScale is the operation that brings a pool to a number of nodes. VMs are the
// pool's, by instance numbers; the newest go first. Those that are missing, as
// somebody deleted them outside of AKS, are replaced only now.
func planScale(c Cluster, pool string, count int, vms, missing []string) (op api.Operation, err error) {
	p, ok := c.pool(pool)
	if !ok {
		return op, noPool(pool)
	}
	if p.EnableAutoScaling {
		return op, api.Coded("OperationNotAllowed", "Cannot scale cluster autoscaler enabled node pool.")
	}
	if err := checkCount(p.Mode, count); err != nil {
		return op, err
	}
	if count == p.Count && count == len(vms) && len(missing) == 0 {
		return op, api.Coded("InvalidParameter", "The new node count is the same as the current node count: node pool %s has %d", pool, count)
	}
	s := &api.Scale{Pool: pool, From: p.Count, To: count, Add: max(count-len(vms), 0), Missing: missing}
	for _, name := range slices.Backward(vms[min(count, len(vms)):]) {
		s.Removed = append(s.Removed, api.NodeUpgrade{Name: name})
	}
	return api.Operation{Kind: api.OpScalePool, Subject: poolSubject(pool), Message: fmt.Sprintf("from %d to %s", len(vms), plural(count, "node")), Scale: s}, nil
}

// scale goes on where the record ends: nodes come, the missing ones are forgotten,
// nodes go.
func (x *operation) scale(ctx context.Context) error {
	if err := x.pollNodes(ctx, x.scaleStep); err != nil {
		return err
	}
	c := x.l.State().Cluster
	if x.rec.Kind == api.OpDeletePool && x.rec.Scale.Failure == "" {
		return x.deletePool(ctx, c)
	}
	pool, _ := c.pool(x.rec.Scale.Pool)
	if pool.Count = x.rec.Scale.To; x.rec.Scale.Failure != "" {
		pool.Count = len(x.o.cfg.Cloud.VMs(pool.Name))
	}
	if err := x.save(ctx, SetCluster(c.withPool(pool))); err != nil {
		return err
	}
	if f := x.rec.Scale.Failure; f != "" {
		return &failure{text: f}
	}
	return nil
}

// deletePool forgets a pool that has no nodes any more, and whose scale set is gone.
func (x *operation) deletePool(ctx context.Context, c Cluster) error {
	err := x.poll(ctx, func(ctx context.Context) (bool, error) {
		return x.o.cfg.Cloud.DeletePool(ctx, x.rec.Scale.Pool) == nil, nil
	})
	if err != nil {
		return err
	}
	return x.save(ctx, SetCluster(c.without(x.rec.Scale.Pool)))
}

// scaleStep takes every node a step further, if it can go. A failure is in the
// record before what it leaves is tidied up.
func (x *operation) scaleStep(ctx context.Context, here map[string]Node) (done bool, err error) {
	if x.rec.Scale.Failure != "" {
		return x.freeAll(ctx, x.rec.Scale.Removed, here)
	}
	for _, step := range []func(context.Context, map[string]Node) (bool, error){x.addNodes, x.forgetMissing, x.removeNodes} {
		done, err = step(ctx, here)
		if f, ok := errors.AsType[*failure](err); ok {
			return false, x.change(ctx, func(op *api.Operation) { op.Scale.Failure = f.text })
		}
		if !done || err != nil {
			return false, err
		}
	}
	return true, nil
}

// addNodes asks the cloud for VMs, and says whether they all are Ready nodes.
func (x *operation) addNodes(ctx context.Context, here map[string]Node) (done bool, err error) {
	c := x.l.State().Cluster
	pool, _ := c.pool(x.rec.Scale.Pool)
	if x.rec.Kind == api.OpCreatePool && x.rec.Scale.Added == nil {
		if err := x.o.cfg.Cloud.SetPool(ctx, pool.Name, pool.PoolShape); err != nil {
			return false, x.refused(ctx, "create the scale set of "+pool.Name, err)
		}
	}
	for i := len(x.rec.Scale.Added); i < x.rec.Scale.Add; i++ {
		if err := x.addVM(ctx, fmt.Sprintf("/add-%d", i+1), pool.Name, c.version(pool), false, func(op *api.Operation, n api.NodeUpgrade) {
			op.Scale.Added = append(op.Scale.Added, n)
		}); err != nil {
			return false, err
		}
	}
	return x.allReady(ctx, x.rec.Scale.Added, here)
}

// forgetMissing no longer waits for VMs that somebody deleted outside of AKS.
func (x *operation) forgetMissing(ctx context.Context, _ map[string]Node) (done bool, err error) {
	for _, name := range x.rec.Scale.Missing {
		if err := x.o.cfg.Cloud.RemoveVM(ctx, x.rec.ID+"/forget/"+name, name, x.cause); err != nil {
			return false, x.refused(ctx, "forget node "+name, err)
		}
	}
	return true, nil
}

// removeNodes keeps new pods from all nodes that go, so that none moves twice,
// before it takes them away. It says whether all are gone.
func (x *operation) removeNodes(ctx context.Context, here map[string]Node) (done bool, err error) {
	for _, n := range x.rec.Scale.Removed {
		if _, ok := here[n.Name]; ok && n.Cordoned.IsZero() {
			if err := x.keepOut(ctx, n.Name); err != nil {
				return false, err
			}
		}
	}
	for _, n := range x.rec.Scale.Removed {
		if n.Removed.IsZero() {
			if err := x.takeAway(ctx, n, here, "/remove/"+n.Name, x.drainTimeout()); err != nil {
				return false, err
			}
		}
	}
	return !slices.ContainsFunc(x.rec.Scale.Removed, func(n api.NodeUpgrade) bool { return n.Removed.IsZero() }), nil
}

// drainTimeout is how long a node of the pool is drained.
func (x *operation) drainTimeout() time.Duration {
	pool, _ := x.l.State().Cluster.pool(x.rec.Scale.Pool)
	return time.Duration(cmp.Or(pool.DrainTimeout, api.Duration(api.DefaultDrainTimeout)))
}
