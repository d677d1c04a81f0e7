package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
)

// ScalePool has the leader change the number of a pool's nodes. It returns as soon
// as that is in the log. The error has AKS's code.
func (o *Operator) ScalePool(ctx context.Context, r *Replicas, pool string, count int) (api.Operation, error) {
	if o.cfg.Pool == nil || o.cfg.Nodes == nil {
		return api.Operation{}, errors.New("the provider's plane looks after no nodes of this cluster: nothing can be scaled")
	}
	return o.beginOperation(ctx, r, func(s State) (api.Operation, error) {
		return planScale(s.Cluster, pool, count, o.cfg.Pool.VMs(), o.cfg.Pool.MissingVMs())
	})
}

// planScale is the operation that brings a pool to a number of nodes. VMs are the
// pool's, by instance numbers; the newest go first. Those that are missing, as
// somebody deleted them outside of AKS, are replaced only now.
func planScale(c Cluster, pool string, count int, vms, missing []string) (op api.Operation, err error) {
	p, ok := c.pool(pool)
	switch {
	case !ok:
		return op, fmt.Errorf("(NotFound) the cluster has no node pool %q: demarc nodepool list lists them", pool)
	case count < 1 || count > api.MaxNodes:
		return op, fmt.Errorf("(InvalidParameter) The value of parameter agentPoolProfile.count is invalid: a system node pool has 1 to %d nodes, not %d", api.MaxNodes, count)
	case count == p.Count && count == len(vms) && len(missing) == 0:
		return op, fmt.Errorf("(InvalidParameter) The new node count is the same as the current node count: node pool %s has %d", pool, count)
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
	if err := x.poll(ctx, x.scaleStep); err != nil {
		return err
	}
	c := x.l.State().Cluster
	pool, _ := c.pool(x.rec.Scale.Pool)
	if pool.Count = x.rec.Scale.To; x.rec.Scale.Failure != "" {
		pool.Count = len(x.o.cfg.Pool.VMs())
	}
	if err := x.save(ctx, SetCluster(c.withPool(pool))); err != nil {
		return err
	}
	if f := x.rec.Scale.Failure; f != "" {
		return &failure{text: f}
	}
	return nil
}

// changeScale changes the record, which may be the log's, and puts it in the log.
func (x *operation) changeScale(ctx context.Context, how func(*api.Scale)) error {
	s := *x.rec.Scale
	s.Added, s.Removed = slices.Clone(s.Added), slices.Clone(s.Removed)
	how(&s)
	x.rec.Scale = &s
	return x.save(ctx)
}

// scaleStep takes every node a step further, if it can go. A failure is in the
// record before what it leaves is tidied up.
func (x *operation) scaleStep(ctx context.Context) (done bool, err error) {
	here, ok := x.here(ctx)
	if !ok {
		return false, nil // nothing is judged without the API server
	}
	if x.rec.Scale.Failure != "" {
		return x.leaveRest(ctx, here)
	}
	for _, step := range []func(context.Context, map[string]Node) (bool, error){x.addNodes, x.forgetMissing, x.removeNodes} {
		done, err = step(ctx, here)
		var f *failure
		if errors.As(err, &f) {
			return false, x.changeScale(ctx, func(s *api.Scale) { s.Failure = f.text })
		}
		if !done || err != nil {
			return false, err
		}
	}
	return true, nil
}

// here are the nodes that the API server knows, by name; ok says that it answered.
func (x *operation) here(ctx context.Context) (here map[string]Node, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	list, err := x.o.cfg.Nodes.Nodes(ctx)
	here = map[string]Node{}
	for _, n := range list {
		here[n.Name] = n
	}
	return here, err == nil
}

// addNodes asks the cloud for VMs, and says whether they all are Ready nodes.
func (x *operation) addNodes(ctx context.Context, here map[string]Node) (done bool, err error) {
	c := x.l.State().Cluster
	pool, _ := c.pool(x.rec.Scale.Pool)
	for i := len(x.rec.Scale.Added); i < x.rec.Scale.Add; i++ {
		name, err := x.o.cfg.Pool.AddVM(ctx, fmt.Sprintf("%s/add-%d", x.rec.ID, i+1), "v"+c.version(pool), false, x.rec.Event)
		if err != nil {
			return false, scaleError(ctx, err)
		}
		if err := x.changeScale(ctx, func(s *api.Scale) { s.Added = append(s.Added, api.NodeUpgrade{Name: name, Asked: time.Now().UTC()}) }); err != nil {
			return false, err
		}
	}
	done = true
	for i, n := range x.rec.Scale.Added {
		switch {
		case !n.Ready.IsZero():
		case here[n.Name].Ready:
			if err := x.changeScale(ctx, func(s *api.Scale) { s.Added[i].Ready = time.Now().UTC() }); err != nil {
				return false, err
			}
		case time.Since(n.Asked) >= nodeTimeout:
			return false, &failure{text: fmt.Sprintf("(VMExtensionProvisioningTimeout) node %s is not Ready %s after its VM was created", n.Name, nodeTimeout)}
		default:
			done = false
		}
	}
	return done, nil
}

// scaleError ends the operation if the cloud refused something, in the cloud's
// words, which begin with a code; and not if it did not answer.
func scaleError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	code, text, _ := strings.Cut(err.Error(), ": ")
	return &failure{text: fmt.Sprintf("(%s) %s", code, text)}
}

// forgetMissing no longer waits for VMs that somebody deleted outside of AKS.
func (x *operation) forgetMissing(ctx context.Context, _ map[string]Node) (done bool, err error) {
	for _, name := range x.rec.Scale.Missing {
		if err := x.o.cfg.Pool.RemoveVM(ctx, x.rec.ID+"/forget/"+name, name, x.rec.Event); err != nil {
			return false, scaleError(ctx, err)
		}
	}
	return true, nil
}

// removeNodes keeps new pods from all nodes that go, so that none moves twice,
// evicts those that are there, and deletes the VMs that are empty. It says whether
// all are gone.
func (x *operation) removeNodes(ctx context.Context, here map[string]Node) (done bool, err error) {
	for i, n := range x.rec.Scale.Removed {
		if _, ok := here[n.Name]; n.Cordoned.IsZero() && ok {
			if err := x.cordonRemoved(ctx, i); err != nil {
				return false, err
			}
		}
	}
	done = true
	for i, n := range x.rec.Scale.Removed {
		if !n.Removed.IsZero() {
			continue
		}
		at, ok := here[n.Name]
		if ok { // else it never registered, or is deleted already
			if empty, err := x.drainRemoved(ctx, i, at); !empty || err != nil {
				if err != nil {
					return false, err
				}
				done = false
				continue
			}
		}
		if err := x.o.cfg.Pool.RemoveVM(ctx, x.rec.ID+"/remove/"+n.Name, n.Name, x.rec.Event); err != nil {
			return false, scaleError(ctx, err)
		}
		if err := x.changeScale(ctx, func(s *api.Scale) { s.Removed[i].Removed = time.Now().UTC() }); err != nil {
			return false, err
		}
	}
	return done, nil
}

func (x *operation) cordonRemoved(ctx context.Context, i int) error {
	name := x.rec.Scale.Removed[i].Name
	actx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if x.o.cfg.Nodes.Cordon(actx, name, true) != nil {
		return nil // asked again
	}
	if err := x.changeScale(ctx, func(s *api.Scale) { s.Removed[i].Cordoned = time.Now().UTC() }); err != nil {
		return err
	}
	x.note("draining", nodeSubject(name), "its pods move, as their disruption budgets allow")
	return nil
}

// drainRemoved evicts the pods of a node that goes, and says whether none is left.
func (x *operation) drainRemoved(ctx context.Context, i int, at Node) (empty bool, err error) {
	n := x.rec.Scale.Removed[i]
	if n.Cordoned.IsZero() {
		return false, nil
	}
	actx, cancel := context.WithTimeout(ctx, askTimeout)
	left, blocked, err := x.o.cfg.Nodes.Evict(actx, n.Name)
	cancel()
	switch {
	case err != nil:
		return false, nil // no pod is lost because the API server did not answer
	case left == 0, len(blocked) == 0 && !at.Ready: // no kubelet ends them: the end of the VM does
		return true, x.changeScale(ctx, func(s *api.Scale) { s.Removed[i].Drained, s.Removed[i].Blocked = time.Now().UTC(), "" })
	case time.Since(n.Cordoned) >= x.drainTimeout():
		return false, &failure{text: fmt.Sprintf("(PodDrainFailure) Drain node %s failed: %s left after %s%s",
			n.Name, plural(left, "pod"), x.drainTimeout(), blockedBy(blocked))}
	case len(blocked) == 0:
		return false, nil
	}
	pod, reason, _ := strings.Cut(blocked[0], ": ")
	if pod == n.Blocked {
		return false, nil
	}
	if err := x.changeScale(ctx, func(s *api.Scale) { s.Removed[i].Blocked = pod }); err != nil {
		return false, err
	}
	x.note("waits to drain", nodeSubject(n.Name), "eviction of "+pod+" blocked: "+reason)
	return false, nil
}

func blockedBy(blocked []string) string {
	if len(blocked) == 0 {
		return ""
	}
	return ", blocked by " + strings.Join(blocked, "; ")
}

// drainTimeout is how long a node of the pool is drained.
func (x *operation) drainTimeout() time.Duration {
	pool, _ := x.l.State().Cluster.pool(x.rec.Scale.Pool)
	if pool.DrainTimeout > 0 {
		return time.Duration(pool.DrainTimeout)
	}
	return api.DefaultDrainTimeout
}

// leaveRest lets pods come again to the nodes that do not go after all.
func (x *operation) leaveRest(ctx context.Context, here map[string]Node) (done bool, err error) {
	for i, n := range x.rec.Scale.Removed {
		if _, ok := here[n.Name]; n.Cordoned.IsZero() || !n.Removed.IsZero() || !ok {
			continue
		}
		actx, cancel := context.WithTimeout(ctx, askTimeout)
		err := x.o.cfg.Nodes.Cordon(actx, n.Name, false)
		cancel()
		if err != nil {
			return false, nil
		}
		if err := x.changeScale(ctx, func(s *api.Scale) { s.Removed[i].Cordoned = time.Time{} }); err != nil {
			return false, err
		}
	}
	return true, nil
}
