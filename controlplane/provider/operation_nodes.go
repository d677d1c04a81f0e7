package provider

import (
	"context"
	"fmt"
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

// event writes a Kubernetes event of an upgrade. It is best effort, as in Kubernetes.
func (x *operation) event(ctx context.Context, node, eventType, reason, message string) {
	if x.rec.Upgrade != nil {
		did(ctx, func(ctx context.Context) error {
			return x.o.cfg.Nodes.Event(ctx, upgraderSource, node, eventType, reason, message)
		})
	}
}

// addVM asks the cloud for a VM of a pool, and has enter put the node that it will be in the record.
func (x *operation) addVM(ctx context.Context, key, pool, version string, surge bool, enter func(*api.Operation, api.NodeUpgrade)) error {
	name, err := x.o.cfg.Cloud.AddVM(ctx, x.rec.ID+key, pool, "v"+version, surge, x.cause)
	if err != nil {
		return x.refused(ctx, "create a node", err)
	}
	return x.change(ctx, func(op *api.Operation) { enter(op, api.NodeUpgrade{Name: name, Asked: time.Now().UTC()}) })
}

// allReady says whether nodes that were added are Ready, which they must be in time.
func (x *operation) allReady(ctx context.Context, list []api.NodeUpgrade, here map[string]Node) (bool, error) {
	all := true
	for _, n := range list {
		at := here[n.Name]
		switch {
		case !n.Ready.IsZero():
		case at.Ready && (!at.Surge || !at.Unschedulable || x.free(ctx, n.Name)): // a surge node may be left of before
			if err := x.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Ready = time.Now().UTC() }); err != nil {
				return false, err
			}
			x.event(ctx, n.Name, "Normal", "Surge", fmt.Sprintf(surgeText, n.Name, at.Pool))
		case !at.Ready && time.Since(n.Asked) >= nodeTimeout:
			return false, x.notReady(n.Name, at)
		default:
			all = false
		}
	}
	return all, nil
}

// keepOut keeps auto-repair, the autoscaler and new pods away from a node.
func (x *operation) keepOut(ctx context.Context, node string) error {
	if !x.mark(ctx, node, true) || !x.cordon(ctx, node, true) {
		return nil // asked again
	}
	if err := x.changeNode(ctx, node, func(n *api.NodeUpgrade) { n.Cordoned = time.Now().UTC() }); err != nil {
		return err
	}
	x.note("draining", nodeSubject(node), "its pods move, as their disruption budgets allow")
	x.event(ctx, node, "Normal", "Drain", fmt.Sprintf(drainText, node))
	return nil
}

// free ends what keepOut did.
func (x *operation) free(ctx context.Context, node string) bool {
	return x.cordon(ctx, node, false) && x.mark(ctx, node, false)
}

// mark sets or removes what keeps others from a node that is being upgraded.
func (x *operation) mark(ctx context.Context, node string, upgrading bool) bool {
	return x.rec.Upgrade == nil || did(ctx, func(ctx context.Context) error { return x.o.cfg.Nodes.Mark(ctx, node, upgrading) })
}

// freeAll lets pods come again to the nodes that a failed operation was at, and says
// whether it could.
func (x *operation) freeAll(ctx context.Context, list []api.NodeUpgrade, here map[string]Node) (bool, error) {
	for _, n := range list {
		if n.Cordoned.IsZero() || !n.Ready.IsZero() || !n.Removed.IsZero() {
			continue
		}
		if _, ok := here[n.Name]; ok && !x.free(ctx, n.Name) {
			return false, nil
		}
		if err := x.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Cordoned = time.Time{} }); err != nil {
			return false, err
		}
	}
	return true, nil
}

// drainNode takes the drain of a node a step further, and says whether it is over. Pods
// that no kubelet ends do not keep a VM that is deleted, and those that a budget protects
// do not if the customer has said so.
func (x *operation) drainNode(ctx context.Context, n api.NodeUpgrade, at Node, timeout time.Duration) (over bool, err error) {
	d, ok := x.drain(ctx, at, n.Cordoned, timeout)
	switch {
	case !ok:
		return false, nil
	case d.left == 0 || d.over && x.rec.Scale != nil, x.rec.Scale != nil && x.rec.Scale.IgnorePDB && d.left == len(d.blocked):
		return true, x.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Drained, n.Blocked = time.Now().UTC(), "" })
	case d.late:
		return false, x.drainFailed(n.Name, d, timeout)
	}
	pod, message := d.waits(n.Blocked)
	if message == "" {
		return false, nil
	}
	if err := x.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Blocked = pod }); err != nil {
		return false, err
	}
	x.note("waits to drain", nodeSubject(n.Name), message)
	x.event(ctx, n.Name, "Warning", "Drain", fmt.Sprintf(blockedText, pod))
	return false, nil
}

// takeAway takes a node a step further to its end: it is drained, if the API server
// knows it, and its VM deleted.
func (x *operation) takeAway(ctx context.Context, n api.NodeUpgrade, here map[string]Node, key string, timeout time.Duration) error {
	if at, ok := here[n.Name]; ok && n.Drained.IsZero() {
		if n.Cordoned.IsZero() {
			return x.keepOut(ctx, n.Name)
		}
		if over, err := x.drainNode(ctx, n, at, timeout); !over || err != nil {
			return err
		}
	}
	if err := x.o.cfg.Cloud.RemoveVM(ctx, x.rec.ID+key, n.Name, x.cause); err != nil {
		return x.refused(ctx, "remove node "+n.Name, err)
	}
	return x.changeNode(ctx, n.Name, func(n *api.NodeUpgrade) { n.Removed = time.Now().UTC() })
}

// Failures, in AKS's words: those of an upgrade, and else the cloud's own.

// refused ends the operation if the cloud refused something, and not if it did not
// answer.
func (x *operation) refused(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if x.rec.Upgrade != nil {
		return &failure{text: fmt.Sprintf("(UpgradeFailed) failed to %s: %v", what, err)}
	}
	return &failure{text: err.Error()}
}

func (x *operation) notReady(node string, n Node) error {
	if x.rec.Scale != nil {
		return &failure{text: fmt.Sprintf("(VMExtensionProvisioningTimeout) node %s is not Ready %s after its VM was created", node, nodeTimeout)}
	}
	if x.rec.PowerChange != nil {
		return &failure{text: fmt.Sprintf("(VMExtensionProvisioningTimeout) node %s is not Ready %s after its VM was started", node, nodeTimeout)}
	}
	why := "it has not registered"
	if n.Name != "" {
		why = symptom(n)
	}
	return &failure{text: fmt.Sprintf("(UpgradeFailed) node %s is not Ready %s after it was created or reimaged: %s", node, nodeTimeout, why)}
}

// drainFailed is AKS's text (MicrosoftDocs/SupportArticles-docs, error
// PodDrainFailure).
func (x *operation) drainFailed(node string, d drained, after time.Duration) error {
	text, blocked := fmt.Sprintf("Drain node %s failed: %s left after %s", node, plural(d.left, "pod"), after), d.budgets()
	switch {
	case x.rec.Scale != nil && blocked != "":
		return &failure{text: "(PodDrainFailure) " + text + ", blocked by " + blocked}
	case x.rec.Scale != nil:
		return &failure{text: "(PodDrainFailure) " + text}
	case blocked == "":
		return &failure{text: "(UpgradeFailed) " + text}
	default:
		return &failure{text: fmt.Sprintf("(UpgradeFailed) Drain node %s failed when evicting pod %s failed with Too Many Requests error. "+
			"This is often caused by a restrictive Pod Disruption Budget (PDB) policy. See https://aka.ms/aks/debugdrainfailures. "+
			"Original error: Cannot evict pod as it would violate the pod's disruption budget.. PDB debug info: %s", node, d.blocked[0].Pod, blocked)}
	}
}
