package provider

import (
	"context"
	"errors"
	"time"

	"demarc/sim/api"
)

// leaveAfter is how long a surge node of an upgrade that has failed is drained
// before it is left as it is: AKS takes surge nodes away then as best effort.
const leaveAfter = 5 * time.Minute

// tidy drains the surge nodes and takes them away, one after the other. Of an
// upgrade that has failed, the nodes that it was at take pods again first, as AKS
// does by default with nodes that it cannot drain. Done is with its failure.
func (p *poolUpgrade) tidy(ctx context.Context, here map[string]Node) (done bool, err error) {
	if ok, err := p.freeAll(ctx, p.pool().Nodes, here); !ok || err != nil {
		return false, err
	}
	for _, n := range p.pool().SurgeNodes {
		if n.Removed.IsZero() && !p.left(n) {
			return false, p.takeSurge(ctx, n, here)
		}
	}
	if p.pool().Failure != "" {
		return true, &failure{text: p.pool().Failure}
	}
	return true, nil
}

// left says whether a surge node of an upgrade that has failed stays.
func (p *poolUpgrade) left(n api.NodeUpgrade) bool {
	return p.pool().Failure != "" && n.Drained.IsZero() && !n.Cordoned.IsZero() && time.Since(n.Cordoned) >= leaveAfter
}

// takeSurge takes a surge node one step further to its end.
func (p *poolUpgrade) takeSurge(ctx context.Context, n api.NodeUpgrade, here map[string]Node) error {
	err := p.takeAway(ctx, n, here, "/"+n.Name+"/remove", time.Duration(p.pool().DrainTimeout))
	f, ok := errors.AsType[*failure](err)
	switch {
	case !ok:
		return err
	case p.pool().Failure == "":
		return p.changePool(ctx, func(x *api.PoolUpgrade) { x.Failure = f.text })
	}
	return p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Removed = time.Now().UTC() }) // it has failed before
}
