package provider

import (
	"cmp"
	"context"
	"fmt"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Scaler is what the cluster autoscaler may do to node pools during one leadership. It changes
// the scale sets itself, as AKS's does: it is no operation of the customer, and waits as long
// as there is one.
type Scaler struct {
	o *Operator
	l *Leadership
}

// Changed is told when an operation of the customer has ended: the pools may be others.
func (s *Scaler) Changed() <-chan struct{} { return s.o.settled }

// Pools are those that have the autoscaler, with their versions. Busy says why none of them
// may be changed now.
func (s *Scaler) Pools() (pools []Pool, busy error) {
	state := s.l.State()
	for _, p := range state.Cluster.Pools {
		if p.EnableAutoScaling {
			p.KubernetesVersion = state.Cluster.version(p)
			pools = append(pools, p)
		}
	}
	return pools, state.busy()
}

// busy says why nothing but an operation that is under way may change the pools.
func (s State) busy() error {
	if unfinished(s) != nil {
		return api.Coded("OperationNotAllowed", "the control plane is being restored")
	}
	if op := s.OperationInProgress(); op != nil {
		return Busy(*op)
	}
	return s.Runs()
}

// Grow asks the cloud for some more VMs of a pool, for some pods that wait. The error has a
// code of Azure's; a VM that was made and cannot become a node is deleted again.
func (s *Scaler) Grow(ctx context.Context, pool string, by, pods int) error {
	return s.change(pool, func(p Pool) error {
		state := s.l.State()
		grown, _ := state.Cluster.pool(pool)
		grown.Count += by
		if err := s.o.fits(state, state.Cluster.withPool(grown)); err != nil {
			return err
		}
		from := len(s.o.cfg.Cloud.VMs(pool))
		cause := s.o.cfg.Note(timeline.Event{
			Actor: timeline.Provider, Verb: "scaled", Subject: poolSubject(pool),
			Message: fmt.Sprintf("the cluster autoscaler: from %d to %s (max: %d), for %s that no node has room for", from, plural(from+by, "node"), p.MaxCount, plural(pods, "pod")),
		}).Seq
		var err error
		for i := 0; i < by && err == nil; i++ {
			key := fmt.Sprintf("autoscaler/%s/%d-%d", pool, cause, i)
			var node string
			if node, err = s.o.cfg.Cloud.AddVM(ctx, key, pool, "v"+p.KubernetesVersion, false, cause); err != nil && node != "" {
				err = cmp.Or(err, s.o.cfg.Cloud.RemoveVM(ctx, key+"/remove", node, cause))
			}
		}
		return err
	})
}

// Shrink deletes a node of a pool and its VM.
func (s *Scaler) Shrink(ctx context.Context, pool, node string) error {
	return s.change(pool, func(Pool) error {
		return s.o.cfg.Cloud.RemoveVM(ctx, "autoscaler/remove/"+node, node, 0)
	})
}

// Draining tells that the pods of a node move, which goes.
func (s *Scaler) Draining(node string, pods int) {
	s.o.note("draining", nodeSubject(node), fmt.Sprintf("the cluster autoscaler takes the node away, which is not needed; %s must move", plural(pods, "pod")))
}

// change changes the scale set of a pool, and then the number of its nodes that the log has.
// A plane that ends between the two finds the number out at its next change.
func (s *Scaler) change(pool string, how func(Pool) error) error {
	s.o.asking.Lock()
	defer s.o.asking.Unlock()
	pools, busy := s.Pools()
	if busy != nil {
		return busy
	}
	for _, p := range pools {
		if p.Name == pool {
			return cmp.Or(how(p), s.settle(pool))
		}
	}
	return noPool(pool)
}

// settle has the log say how many nodes a pool has.
func (s *Scaler) settle(pool string) error {
	c := s.l.State().Cluster
	p, ok := c.pool(pool)
	n := s.o.vmsOf(pool)
	if !ok || p.Count == n {
		return nil
	}
	p.Count = n
	return s.l.Apply(s.l.ctx, SetCluster(c.withPool(p)))
}

// vmsOf is how many VMs a pool has, and those that somebody deleted outside of AKS.
func (o *Operator) vmsOf(pool string) int {
	return len(o.cfg.Cloud.VMs(pool)) + len(o.cfg.Cloud.MissingVMs(pool))
}
