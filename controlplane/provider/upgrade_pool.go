package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"demarc/sim/api"
)

// poolUpgrade is the upgrade of one pool in a leader's hands: every node is a small
// state machine that is looked at every five seconds.
type poolUpgrade struct {
	*operation
	n int // which pool of the upgrade
}

// pool is the pool's part of the record.
func (p *poolUpgrade) pool() api.PoolUpgrade { return p.rec.Upgrade.Pools[p.n] }

// changePool changes the pool's part of the record.
func (p *poolUpgrade) changePool(ctx context.Context, how func(*api.PoolUpgrade), more ...Command) error {
	return p.change(ctx, func(op *api.Operation) { how(&op.Upgrade.Pools[p.n]) }, more...)
}

// upgradePool upgrades the nodes of a pool: surge nodes first, then as many nodes
// at once as there are surge nodes, and in the end the surge nodes go.
func (x *operation) upgradePool(ctx context.Context, n int) error {
	p := &poolUpgrade{operation: x, n: n}
	if p.pool().Began.IsZero() {
		if err := p.changePool(ctx, func(x *api.PoolUpgrade) { x.Began = time.Now().UTC() }); err != nil {
			return err
		}
		p.note("upgrading", poolSubject(p.pool().Name), fmt.Sprintf("Kubernetes %s, node image %s", p.pool().To, p.pool().Image))
	}
	if err := p.pollNodes(ctx, p.listed); err != nil {
		return err
	}
	if err := p.pollNodes(ctx, p.step); err != nil {
		return err
	}
	return p.done(ctx)
}

// listed enters the pool's nodes that have not the wanted software. Who runs a
// failed upgrade again upgrades the rest. It is VMs that are upgraded, whether the API
// server knows them or not.
func (p *poolUpgrade) listed(ctx context.Context, here map[string]Node) (bool, error) {
	if p.pool().Nodes != nil {
		return true, nil
	}
	for _, vm := range p.o.cfg.Cloud.VMs(p.pool().Name) {
		if _, ok := here[vm]; !ok {
			here[vm] = Node{Name: vm, Pool: p.pool().Name}
		}
	}
	list, extra := []api.NodeUpgrade{}, []api.NodeUpgrade(nil)
	for _, name := range slices.Sorted(maps.Keys(here)) {
		switch n := here[name]; {
		case n.Pool != p.pool().Name:
		case n.Surge: // an upgrade that failed has left it
			extra = append(extra, api.NodeUpgrade{Name: name, Asked: time.Now().UTC()})
		case !p.has(n):
			list = append(list, api.NodeUpgrade{Name: name})
		}
	}
	return true, p.changePool(ctx, func(x *api.PoolUpgrade) {
		x.Nodes, x.SurgeNodes = list, extra
		x.Surge = min(x.Surge, len(list))
	})
}

// has says whether a node has the wanted software.
func (p *poolUpgrade) has(n Node) bool {
	return n.Version == p.pool().To && (n.Image == p.pool().Image || p.pool().Image == "")
}

// step takes every node that is in hand one step further, if it can go. It is done
// when all nodes are, and the surge nodes are gone.
func (p *poolUpgrade) step(ctx context.Context, here map[string]Node) (done bool, err error) {
	if p.pool().Failure == "" {
		done, err := p.stepNodes(ctx, here)
		if f, ok := errors.AsType[*failure](err); ok {
			return false, p.changePool(ctx, func(x *api.PoolUpgrade) { x.Failure = f.text })
		}
		if !done || err != nil {
			return false, err
		}
	}
	return p.tidy(ctx, here)
}

// stepNodes takes as many nodes at once as there are surge nodes, and says whether
// all are upgraded.
func (p *poolUpgrade) stepNodes(ctx context.Context, here map[string]Node) (done bool, err error) {
	if ready, err := p.surge(ctx, here); !ready || err != nil {
		return false, err
	}
	active := 0
	for _, n := range p.pool().Nodes {
		if active == p.pool().Surge {
			break
		}
		if n.Ready.IsZero() {
			active++
			if err := p.stepNode(ctx, n, here); err != nil {
				return false, err
			}
		}
	}
	return active == 0, nil
}

// surge makes the surge nodes, and says whether they can take pods.
func (p *poolUpgrade) surge(ctx context.Context, here map[string]Node) (ready bool, err error) {
	if !slices.ContainsFunc(p.pool().Nodes, func(n api.NodeUpgrade) bool { return n.Ready.IsZero() }) {
		return true, nil
	}
	for len(p.pool().SurgeNodes) < p.pool().Surge {
		key := fmt.Sprintf("/%s/surge-%d", p.pool().Name, len(p.pool().SurgeNodes)+1)
		if err := p.addVM(ctx, key, p.pool().Name, p.pool().To, true, func(op *api.Operation, n api.NodeUpgrade) {
			x := &op.Upgrade.Pools[p.n]
			x.SurgeNodes = append(x.SurgeNodes, n)
		}); err != nil {
			return false, err
		}
	}
	return p.allReady(ctx, p.pool().SurgeNodes, here)
}

// stepNode takes one node further.
func (p *poolUpgrade) stepNode(ctx context.Context, n api.NodeUpgrade, here map[string]Node) error {
	x, ok := here[n.Name]
	gone := !ok && n.Reimaged.IsZero()
	switch {
	case gone && slices.Contains(p.o.cfg.Cloud.VMs(p.pool().Name), n.Name): // no pod is on a Node that is not there
		return p.reimage(ctx, n)
	case gone: // deleted meanwhile: nothing is left to upgrade
		return p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Ready, n.Removed = time.Now().UTC(), time.Now().UTC() })
	case n.Cordoned.IsZero():
		return p.keepOut(ctx, n.Name)
	case n.Drained.IsZero():
		over, err := p.drainNode(ctx, n, x, time.Duration(p.pool().DrainTimeout))
		if over && err == nil && p.pool().Soak > 0 {
			p.event(ctx, n.Name, "Normal", "Upgrade", fmt.Sprintf(soakText, time.Duration(p.pool().Soak), n.Name))
		}
		return err
	case time.Since(n.Drained) < time.Duration(p.pool().Soak):
		return nil
	case n.Reimaged.IsZero():
		return p.reimage(ctx, n)
	case !x.Ready || !p.has(x) || time.Since(n.Reimaged) < bootGrace: // until then it may be its last word of before
		if time.Since(n.Reimaged) >= nodeTimeout {
			return p.notReady(n.Name, x)
		}
		return nil
	}
	return p.uncordon(ctx, n)
}

// reimage gives the node its new software. What was on its disk is gone.
func (p *poolUpgrade) reimage(ctx context.Context, n api.NodeUpgrade) error {
	key := fmt.Sprintf("%s/%s/reimage", p.rec.ID, n.Name)
	lost, err := p.o.cfg.Cloud.UpgradeVM(ctx, key, n.Name, "v"+p.pool().To, p.pool().Image, p.rec.Event)
	if err != nil {
		return p.refused(ctx, "reimage node "+n.Name, err)
	}
	return p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Reimaged, n.Lost = time.Now().UTC(), lost })
}

// uncordon lets pods come, and everybody look after the node again.
func (p *poolUpgrade) uncordon(ctx context.Context, n api.NodeUpgrade) error {
	if !p.free(ctx, n.Name) {
		return nil
	}
	if err := p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Ready = time.Now().UTC() }); err != nil {
		return err
	}
	p.event(ctx, n.Name, "Normal", "Upgrade", fmt.Sprintf(reimageText, n.Name))
	p.note("uncordoned", nodeSubject(n.Name), fmt.Sprintf("upgraded to Kubernetes %s, node image %s: pods may come again", p.pool().To, p.pool().Image))
	return nil
}

// done enters what the pool has now.
func (p *poolUpgrade) done(ctx context.Context) error {
	c := p.l.State().Cluster
	pool, _ := c.pool(p.pool().Name)
	pool.KubernetesVersion, pool.NodeImage = p.pool().To, cmp.Or(p.pool().Image, pool.NodeImage)
	if err := p.changePool(ctx, func(x *api.PoolUpgrade) { x.Done = time.Now().UTC() }, SetCluster(c.withPool(pool))); err != nil {
		return err
	}
	if p.rec.Subject != poolSubject(pool.Name) { // else its end says so
		p.note("upgraded", poolSubject(pool.Name), fmt.Sprintf("Kubernetes %s, node image %s", pool.KubernetesVersion, pool.NodeImage))
	}
	return nil
}
