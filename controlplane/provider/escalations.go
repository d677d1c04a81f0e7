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

// Times of a restart on escalation. AKS drains a node for at most 30 minutes
// unless the customer says otherwise (MicrosoftDocs/azure-aks-docs, upgrade of a
// cluster: the default of the drain timeout).
const (
	drainTimeout = 30 * time.Minute
	bootTimeout  = 10 * time.Minute
	// bootGrace is how long after a reboot a node without a boot ID must be Ready
	// for that to tell of the time after: its kubelet's last word goes on for
	// the grace period of nodes, 50 s.
	bootGrace = time.Minute
	// retryEscalation is the wait before an escalation that could not go on is
	// taken up again.
	retryEscalation = time.Minute
)

// Escalate has the leader restart a node because the customer asks for it: the
// provider restarts a whole worker on an escalation only, and tries to keep
// harm from the workloads (Microsoft, "Support policies for Azure Kubernetes
// Service", 2019-04-01, on responsibilities for worker nodes). It returns as soon
// as that is in the log. A node that is being restarted already is an error.
func (o *Operator) Escalate(ctx context.Context, r *Replicas, node, reason string) (api.Repair, error) {
	if err := o.checkNode(ctx, node); err != nil {
		return api.Repair{}, err
	}
	o.asking.Lock()
	defer o.asking.Unlock()
	if err := r.State().awake(); err != nil {
		return api.Repair{}, err
	}
	for _, e := range escalations(r.State().Repairs) {
		if e.Node == node {
			return api.Repair{}, fmt.Errorf("node %s is being restarted already: escalation %s of %s is under way, wait until it has ended",
				node, e.ID, e.Detected.UTC().Format(time.RFC3339))
		}
	}
	now := time.Now().UTC()
	rec := api.Repair{
		ID: newRepairID(api.LayerEscalation, node, now), Node: node, Subject: nodeSubject(node), Layer: api.LayerEscalation,
		Cause: "the customer asked for a restart", Broken: now, Detected: now, Outcome: api.RepairPending,
	}
	if reason != "" {
		rec.Cause += ": " + reason
	}
	if _, event, since, ok := o.cfg.Cloud.Broken(node); ok {
		rec.Event, rec.Broken = event, since.UTC()
	}
	asked := o.asked(ctx, rec.Event, "escalated", rec.Subject, rec.Cause)
	rec.Event = cmp.Or(rec.Event, asked)
	return rec, order(ctx, r, o.escalated, Repairs.Put(rec))
}

// checkNode refuses a node that the API server does not know. If it does not
// answer, the leader waits until it does.
func (o *Operator) checkNode(ctx context.Context, node string) error {
	if o.cfg.Nodes == nil {
		return errors.New("the provider's plane looks after no nodes of this cluster: none can be restarted")
	}
	nodes, err := ask(ctx, o.cfg.Nodes.Nodes)
	if err == nil && !slices.ContainsFunc(nodes, func(n Node) bool { return n.Name == node }) {
		return fmt.Errorf("the cluster has no node %q; kubectl get nodes lists them", node)
	}
	return nil
}

// escalateAll carries out escalations, one after the other.
func (o *Operator) escalateAll(ctx context.Context, l *Leadership) {
	tasks{woken: o.escalated, retry: retryEscalation, open: func(context.Context) (list []run) {
		if l.State().Resting() {
			return nil // woken when the cluster is on again
		}
		for _, rec := range escalations(l.State().Repairs) {
			list = append(list, escalation{o.repair(l, rec)}.run)
		}
		return list
	}}.carryOut(ctx)
}

// escalation is one restart of a node.
type escalation struct{ *repair }

// errDeleted says that the node is not there any more.
var errDeleted = errors.New(deleted)

// run goes on where the record ends, to the end. An error says that it could
// not: the leadership is over.
func (e escalation) run(ctx context.Context) error {
	for _, phase := range []func(context.Context) error{e.keepOut, e.drainFirst, e.reboot, e.await, e.uncordon} {
		err := phase(ctx)
		if errors.Is(err, errDeleted) {
			e.rec.Outcome, e.rec.Reason = api.RepairWithdrawn, deleted
			return e.enter(ctx, "withdrew restart of", e.rec.Subject, deleted)
		}
		if err != nil {
			return err
		}
	}
	if e.rec.Reason != "" {
		e.rec.Outcome = api.RepairFailed
		return e.enter(ctx, "failed to restart", e.rec.Subject, e.rec.Reason)
	}
	e.rec.Outcome = api.RepairHealed
	return e.enter(ctx, "restarted", e.rec.Subject, "as the customer asked; Ready again")
}

// action is the index of an action in the record; -1 if it was not begun.
func (e escalation) action(name string) int {
	return slices.IndexFunc(e.rec.Actions, func(a api.RepairAction) bool { return a.Action == name })
}

// perform begins an action, unless the record has it, and carries it out, unless
// it has ended. The function says how it ended.
func (e escalation) perform(ctx context.Context, a api.RepairAction, message string, do func(ctx context.Context, n int) (detail, failure string, err error)) error {
	n := e.action(a.Action)
	if n < 0 {
		n, a.At = len(e.rec.Actions), time.Now().UTC()
		e.rec = withAction(e.rec, a)
		if err := e.enter(ctx, begun[a.Action], e.rec.Subject, message); err != nil {
			return err
		}
	}
	if !e.rec.Actions[n].Done.IsZero() {
		return nil
	}
	detail, failure, err := do(ctx, n)
	if err != nil {
		return err
	}
	if err := e.end(ctx, n, detail, failure); err != nil {
		return err
	}
	if failure != "" {
		e.note(failed[a.Action], e.rec.Subject, failure)
	}
	return nil
}

// pollNode is pollNodes for the node; without it the restart ends.
func (e escalation) pollNode(ctx context.Context, try func(ctx context.Context, n Node) bool) error {
	return e.pollNodes(ctx, func(ctx context.Context, here map[string]Node) (bool, error) {
		n, ok := here[e.rec.Node]
		if !ok {
			return false, errDeleted
		}
		return try(ctx, n), nil
	})
}

// awaitNode is what the API server says of the node as soon as it answers.
func (e escalation) awaitNode(ctx context.Context) (n Node, err error) {
	err = e.pollNode(ctx, func(_ context.Context, found Node) bool {
		n = found
		return true
	})
	return n, err
}

// mark cordons or uncordons the node, as soon as the API server does it.
func (e escalation) mark(unschedulable bool) func(context.Context, int) (detail, failure string, err error) {
	return func(ctx context.Context, _ int) (_, _ string, err error) {
		return "", "", e.pollNode(ctx, func(ctx context.Context, _ Node) bool { return e.cordon(ctx, e.rec.Node, unschedulable) })
	}
}

// keepOut keeps new pods away. A node that is cordoned already is left so, then
// and in the end: the record has no such action.
func (e escalation) keepOut(ctx context.Context) error {
	if e.action("cordon") < 0 {
		n, err := e.awaitNode(ctx)
		if err != nil || n.Unschedulable || len(e.rec.Actions) > 0 {
			return err
		}
	}
	return e.perform(ctx, api.RepairAction{Action: "cordon"}, "so that no new pods come", e.mark(true))
}

// uncordon lets pods come again, if it was this restart that kept them away.
func (e escalation) uncordon(ctx context.Context) error {
	if e.action("cordon") < 0 {
		return nil
	}
	return e.perform(ctx, api.RepairAction{Action: "uncordon"}, "pods may come again", e.mark(false))
}

// drainFirst evicts the node's pods, for half an hour at most: then it says which are
// left, and the restart goes on.
func (e escalation) drainFirst(ctx context.Context) error {
	return e.perform(ctx, api.RepairAction{Action: "drain"}, "its pods move, as their disruption budgets allow", func(ctx context.Context, n int) (detail, failure string, err error) {
		began, waits := e.rec.Actions[n].At, ""
		err = e.pollNode(ctx, func(ctx context.Context, n Node) bool {
			d, ok := e.drain(ctx, n, began, drainTimeout)
			switch {
			case !ok:
				return false
			case d.over && d.left > 0:
				detail = fmt.Sprintf("%s evicted, but no kubelet ends them: the reboot does", plural(d.left, "pod"))
			case !d.over && d.late:
				failure = leftText(d)
			}
			var message string
			if waits, message = d.waits(waits); message != "" {
				e.note("waits to drain", e.rec.Subject, message)
			}
			return d.over || d.late
		})
		return detail, failure, err
	})
}

// leftText says which pods a drain has left. The error code is that of an
// upgrade's drain (MicrosoftDocs/SupportArticles-docs, error PodDrainFailure).
func leftText(d drained) string {
	text := fmt.Sprintf("PodDrainFailure: %s left after %s, restarted all the same", plural(d.left, "pod"), drainTimeout)
	if len(d.blocked) > 0 {
		text += ": " + d.budgets()
	}
	return text
}

// reboot asks the cloud to reboot the machine.
func (e escalation) reboot(ctx context.Context) error {
	want := api.RepairAction{Action: reboot}
	if e.action(reboot) < 0 {
		n, err := e.awaitNode(ctx)
		if err != nil {
			return err
		}
		want.Boot = n.BootID
	}
	err := e.perform(ctx, want, e.rec.Cause, func(ctx context.Context, n int) (_, failure string, err error) {
		err = e.poll(ctx, func(ctx context.Context) (bool, error) {
			var unanswered error
			failure, unanswered = e.askCloud(ctx, n)
			return unanswered == nil, nil
		})
		return "", failure, err
	})
	if failure := e.rebooted().Error; err == nil && failure != "" {
		e.rec.Reason = "the cloud refused the reboot: " + failure
	}
	return err
}

// rebooted is the reboot in the record.
func (e escalation) rebooted() (a api.RepairAction) {
	if n := e.action(reboot); n >= 0 {
		a = e.rec.Actions[n]
	}
	return a
}

// await waits until the node is Ready in its new boot, for ten minutes at most.
func (e escalation) await(ctx context.Context) error {
	if !e.rec.Healed.IsZero() || e.rec.Reason != "" {
		return nil
	}
	err := e.pollNode(ctx, func(_ context.Context, n Node) bool {
		now, a := time.Now().UTC(), e.rebooted()
		switch {
		case backFrom(n, a, now):
			e.rec.Healed = now
		case now.Sub(a.Done) < bootTimeout:
			return false
		case n.Ready:
			e.rec.Reason = fmt.Sprintf("Ready, but still in its old boot %s after the reboot", bootTimeout)
		default:
			e.rec.Reason = fmt.Sprintf("not Ready %s after the reboot: %s", bootTimeout, symptom(n))
		}
		return true
	})
	if err != nil {
		return err
	}
	return e.save(ctx)
}

// backFrom says whether a node is Ready, and has been rebooted.
func backFrom(n Node, a api.RepairAction, now time.Time) bool {
	if n.BootID != "" && a.Boot != "" {
		return n.Ready && n.BootID != a.Boot
	}
	return n.Ready && now.Sub(a.Done) >= bootGrace
}
