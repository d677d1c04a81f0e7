package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
)

// nodeTimeout is how long a node may take to be Ready after the cloud has accepted
// to make it or to give it a new disk. AKS's own is not published.
const nodeTimeout = 30 * time.Minute

// Texts of Kubernetes events of an upgrade (Microsoft, "Upgrade an Azure Kubernetes
// Service (AKS) cluster", on events, 2026).
const (
	surgeText   = "Created a surge node [%s %s] for agentpool %[2]s"
	drainText   = "Draining node: [%s]"
	soakText    = "Soak duration %s after draining node: %s"
	blockedText = "Eviction blocked by Too Many Requests (usually a pdb): %s"
	reimageText = "Successfully reimaged node: %s"
)

// poolUpgrade is the upgrade of one pool in a leader's hands: every node is a small
// state machine that is looked at every five seconds.
type poolUpgrade struct {
	*operation
	n int // which pool of the upgrade
}

// pool is the pool's part of the record.
func (p *poolUpgrade) pool() api.PoolUpgrade { return p.rec.Upgrade.Pools[p.n] }

// changePool changes the pool's part of the record, and puts it in the log.
func (p *poolUpgrade) changePool(ctx context.Context, how func(*api.PoolUpgrade), more ...Command) error {
	return p.change(ctx, func(u *api.Upgrade) { how(&u.Pools[p.n]) }, more...)
}

// changeNode changes the record of one node, and puts it in the log.
func (p *poolUpgrade) changeNode(ctx context.Context, name string, how func(*api.NodeUpgrade)) error {
	return p.changePool(ctx, func(x *api.PoolUpgrade) {
		for _, list := range [][]api.NodeUpgrade{x.SurgeNodes, x.Nodes} {
			for i := range list {
				if list[i].Name == name {
					how(&list[i])
				}
			}
		}
	})
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
	if err := p.poll(ctx, p.listed); err != nil {
		return err
	}
	if err := p.poll(ctx, p.step); err != nil {
		return err
	}
	return p.done(ctx)
}

// listed enters the pool's nodes that have not the wanted software. Who runs a
// failed upgrade again upgrades the rest.
func (p *poolUpgrade) listed(ctx context.Context) (bool, error) {
	if p.pool().Nodes != nil {
		return true, nil
	}
	nodes, err := p.nodes(ctx)
	if err != nil {
		return false, nil
	}
	list, extra := []api.NodeUpgrade{}, []api.NodeUpgrade(nil)
	for _, n := range p.withVMs(nodes) {
		switch {
		case n.Pool != p.pool().Name:
		case n.Surge: // an upgrade that failed has left it
			extra = append(extra, api.NodeUpgrade{Name: n.Name, Asked: time.Now().UTC()})
		case !p.has(n):
			list = append(list, api.NodeUpgrade{Name: n.Name})
		}
	}
	return true, p.changePool(ctx, func(x *api.PoolUpgrade) {
		x.Nodes, x.SurgeNodes = list, extra
		x.Surge = min(x.Surge, len(list))
	})
}

// withVMs adds the nodes that the API server does not know, and whose VMs are
// there: it is the VMs that are upgraded. A cluster has one pool.
func (p *poolUpgrade) withVMs(nodes []Node) []Node {
	for _, vm := range p.o.cfg.Pool.VMs() {
		if !slices.ContainsFunc(nodes, func(n Node) bool { return n.Name == vm }) {
			nodes = append(nodes, Node{Name: vm, Pool: p.pool().Name})
		}
	}
	return nodes
}

// has says whether a node has the wanted software.
func (p *poolUpgrade) has(n Node) bool {
	return n.Version == p.pool().To && (n.Image == p.pool().Image || p.pool().Image == "")
}

// nodes are all nodes of the cluster as the API server knows them.
func (p *poolUpgrade) nodes(ctx context.Context) ([]Node, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return p.o.cfg.Nodes.Nodes(ctx)
}

// step takes every node that is in hand one step further, if it can go. It is done
// when all nodes are, and the surge nodes are gone.
func (p *poolUpgrade) step(ctx context.Context) (done bool, err error) {
	list, err := p.nodes(ctx)
	if err != nil {
		return false, nil // nothing is judged without the API server
	}
	here := map[string]Node{}
	for _, n := range list {
		here[n.Name] = n
	}
	if p.pool().Failure == "" {
		done, err := p.stepNodes(ctx, here)
		var f *failure
		if errors.As(err, &f) {
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
		key := fmt.Sprintf("%s/%s/surge-%d", p.rec.ID, p.pool().Name, len(p.pool().SurgeNodes)+1)
		name, err := p.o.cfg.Pool.AddVM(ctx, key, "v"+p.pool().To, true, p.rec.Event)
		if err != nil {
			return false, cloudError(ctx, "create a surge node for agentpool "+p.pool().Name, err)
		}
		if err := p.changePool(ctx, func(x *api.PoolUpgrade) {
			x.SurgeNodes = append(x.SurgeNodes, api.NodeUpgrade{Name: name, Asked: time.Now().UTC()})
		}); err != nil {
			return false, err
		}
	}
	ready = true
	for _, n := range p.pool().SurgeNodes {
		if !n.Ready.IsZero() {
			continue
		}
		x, ok := here[n.Name]
		if !ok || !x.Ready {
			ready = false
			if time.Since(n.Asked) >= nodeTimeout {
				return false, p.notReady(n.Name, x)
			}
			continue
		}
		if x.Unschedulable && !p.free(ctx, n.Name) { // it was left so
			ready = false
			continue
		}
		if err := p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Ready = time.Now().UTC() }); err != nil {
			return false, err
		}
		p.event(ctx, n.Name, "Normal", "Surge", fmt.Sprintf(surgeText, n.Name, p.pool().Name))
	}
	return ready, nil
}

// cloudError ends the upgrade if the cloud refused something, and not if it did not
// answer.
func cloudError(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &failure{text: fmt.Sprintf("(UpgradeFailed) failed to %s: %v", what, err)}
}

func (p *poolUpgrade) notReady(node string, n Node) error {
	why := "it has not registered"
	if n.Name != "" {
		why = symptom(n)
	}
	return &failure{text: fmt.Sprintf("(UpgradeFailed) node %s is not Ready %s after it was created or reimaged: %s", node, nodeTimeout, why)}
}

// stepNode takes one node further.
func (p *poolUpgrade) stepNode(ctx context.Context, n api.NodeUpgrade, here map[string]Node) error {
	x, ok := here[n.Name]
	gone := !ok && n.Reimaged.IsZero()
	switch {
	case gone && slices.Contains(p.o.cfg.Pool.VMs(), n.Name): // no pod is on a Node that is not there
		return p.reimage(ctx, n)
	case gone: // deleted meanwhile: nothing is left to upgrade
		return p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Ready, n.Removed = time.Now().UTC(), time.Now().UTC() })
	case n.Cordoned.IsZero():
		return p.cordon(ctx, n.Name)
	case n.Drained.IsZero():
		return p.drain(ctx, n)
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

// tried is for questions to the API server that are asked again if it does not
// answer.
func (p *poolUpgrade) tried(ctx context.Context, do func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return do(ctx) == nil
}

// cordon keeps auto-repair, the autoscaler and new pods away.
func (p *poolUpgrade) cordon(ctx context.Context, node string) error {
	if !p.tried(ctx, func(ctx context.Context) error { return p.o.cfg.Upgrades.Mark(ctx, node, true) }) ||
		!p.tried(ctx, func(ctx context.Context) error { return p.o.cfg.Nodes.Cordon(ctx, node, true) }) {
		return nil
	}
	if err := p.changeNode(ctx, node, func(n *api.NodeUpgrade) { n.Cordoned = time.Now().UTC() }); err != nil {
		return err
	}
	p.note("draining", nodeSubject(node), "its pods move, as their disruption budgets allow")
	p.event(ctx, node, "Normal", "Drain", fmt.Sprintf(drainText, node))
	return nil
}

// drain evicts pods. Those that are left when its time is over end the upgrade.
func (p *poolUpgrade) drain(ctx context.Context, n api.NodeUpgrade) error {
	actx, cancel := context.WithTimeout(ctx, askTimeout)
	left, blocked, err := p.o.cfg.Nodes.Evict(actx, n.Name)
	cancel()
	switch {
	case err != nil:
		return nil // no pod is lost because the API server did not answer
	case left == 0:
		err := p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Drained, n.Blocked = time.Now().UTC(), "" })
		if err == nil && p.pool().Soak > 0 && n.Asked.IsZero() { // a surge node goes at once
			p.event(ctx, n.Name, "Normal", "Upgrade", fmt.Sprintf(soakText, durationText(p.pool().Soak), n.Name))
		}
		return err
	case time.Since(n.Cordoned) >= time.Duration(p.pool().DrainTimeout):
		return drainFailed(n.Name, left, blocked, p.pool().DrainTimeout)
	case len(blocked) == 0:
		return nil
	}
	pod, reason, _ := strings.Cut(blocked[0], ": ")
	if pod == n.Blocked {
		return nil
	}
	if err := p.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Blocked = pod }); err != nil {
		return err
	}
	p.note("waits to drain", nodeSubject(n.Name), "eviction of "+pod+" blocked: "+reason)
	p.event(ctx, n.Name, "Warning", "Drain", fmt.Sprintf(blockedText, pod))
	return nil
}

// drainFailed is AKS's text (MicrosoftDocs/SupportArticles-docs, error
// PodDrainFailure).
func drainFailed(node string, left int, blocked []string, after api.Duration) error {
	if len(blocked) == 0 {
		return &failure{text: fmt.Sprintf("(UpgradeFailed) Drain node %s failed: %s left after %s", node, plural(left, "pod"), durationText(after))}
	}
	pod, _, _ := strings.Cut(blocked[0], ": ")
	return &failure{text: fmt.Sprintf("(UpgradeFailed) Drain node %s failed when evicting pod %s failed with Too Many Requests error. "+
		"This is often caused by a restrictive Pod Disruption Budget (PDB) policy. See https://aka.ms/aks/debugdrainfailures. "+
		"Original error: Cannot evict pod as it would violate the pod's disruption budget.. PDB debug info: %s", node, pod, strings.Join(blocked, "; "))}
}

// reimage gives the node its new software. What was on its disk is gone.
func (p *poolUpgrade) reimage(ctx context.Context, n api.NodeUpgrade) error {
	key := fmt.Sprintf("%s/%s/reimage", p.rec.ID, n.Name)
	lost, err := p.o.cfg.Pool.UpgradeVM(ctx, key, n.Name, "v"+p.pool().To, p.pool().Image, p.rec.Event)
	if err != nil {
		return cloudError(ctx, "reimage node "+n.Name, err)
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

// free ends what cordon did.
func (p *poolUpgrade) free(ctx context.Context, node string) bool {
	return p.tried(ctx, func(ctx context.Context) error { return p.o.cfg.Nodes.Cordon(ctx, node, false) }) &&
		p.tried(ctx, func(ctx context.Context) error { return p.o.cfg.Upgrades.Mark(ctx, node, false) })
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

// event writes a Kubernetes event. It is best effort, as in Kubernetes.
func (p *poolUpgrade) event(ctx context.Context, node, eventType, reason, message string) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_ = p.o.cfg.Upgrades.Event(ctx, node, eventType, reason, message)
}
