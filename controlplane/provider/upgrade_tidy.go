package provider

import (
	"context"
	"errors"
	"fmt"
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
	for _, n := range p.pool().Nodes {
		if n.Cordoned.IsZero() || !n.Ready.IsZero() {
			continue
		}
		if _, ok := here[n.Name]; ok && !p.free(ctx, n.Name) {
			return false, nil
		}
		if err := p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Cordoned = time.Time{} }); err != nil {
			return false, err
		}
	}
	for _, n := range p.pool().SurgeNodes {
		if n.Removed.IsZero() && !p.left(n) {
			return false, p.takeAway(ctx, n, here)
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

// takeAway takes a surge node one step further to its end.
func (p *poolUpgrade) takeAway(ctx context.Context, n api.NodeUpgrade, here map[string]Node) error {
	_, ok := here[n.Name]
	var err error
	switch {
	case ok && n.Cordoned.IsZero():
		return p.cordon(ctx, n.Name)
	case ok && n.Drained.IsZero():
		err = p.drain(ctx, n)
	default:
		err = p.remove(ctx, n)
	}
	var f *failure
	if errors.As(err, &f) && p.pool().Failure == "" {
		return p.changePool(ctx, func(x *api.PoolUpgrade) { x.Failure = f.text })
	}
	if f != nil { // it has failed before
		return p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Removed = time.Now().UTC() })
	}
	return err
}

func (p *poolUpgrade) remove(ctx context.Context, n api.NodeUpgrade) error {
	if err := p.o.cfg.Pool.RemoveVM(ctx, fmt.Sprintf("%s/%s/remove", p.rec.ID, n.Name), n.Name, p.rec.Event); err != nil {
		return cloudError(ctx, "remove surge node "+n.Name, err)
	}
	return p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Removed = time.Now().UTC() })
}
