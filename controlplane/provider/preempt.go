package provider

import (
	"context"
	"fmt"
	"maps"
	"time"

	"demarc/sim/clock"
)

// Preempted tells the loop of node auto-drain that a node tells of a scheduled event of its
// VM, or none any more, or that Azure has taken a VM back.
func (o *Operator) Preempted() { wake(o.preempted) }

// autoDrain is node auto-drain during one leadership: who runs on a node whose VM Azure
// takes back or moves goes elsewhere while there is time (Microsoft, "AKS node auto-drain", 2026).
type autoDrain struct {
	o       *Operator
	l       *Leadership
	drained map[string]bool // nodes whose VMs go, and whether nothing is left on them
}

// drainPreempted looks when it is told to, and while there is something to do.
func (o *Operator) drainPreempted(ctx context.Context, l *Leadership) {
	d := &autoDrain{o: o, l: l, drained: map[string]bool{}}
	tasks{woken: o.preempted, period: taskPoll, open: d.open}.carryOut(ctx)
}

// open is what is to be done now. A node that somebody else has cordoned stays so.
func (d *autoDrain) open(ctx context.Context) (steps []run) {
	if d.l.State().Resting() {
		return nil // woken when the cluster is on again
	}
	if _, short := d.short(); short {
		steps = append(steps, d.recount)
	}
	going := d.o.cfg.Cloud.Evacuating()
	maps.DeleteFunc(d.drained, func(node string, _ bool) bool { return going[node] == 0 })
	nodes, err := ask(ctx, d.o.cfg.Nodes.Nodes)
	if err != nil || unfinished(d.l.State()) != nil {
		if len(going) > 0 {
			steps = append(steps, func(context.Context) error { return nil }) // asked again
		}
		return steps
	}
	for _, n := range nodes {
		event, goes := going[n.Name]
		switch {
		case goes && n.EventScheduled && n.Ready && !d.drained[n.Name]:
			steps = append(steps, func(ctx context.Context) error { return d.drain(ctx, n, event) })
		case !goes && n.Remediated && !n.EventScheduled: // it was started again
			steps = append(steps, func(ctx context.Context) error {
				did(ctx, func(ctx context.Context) error { return d.o.cfg.Nodes.Remediate(ctx, n.Name, false) })
				return nil
			})
		}
	}
	return steps
}

// cordonTime is what a scheduler gets to hear of a cordon, before it has to place the pods
// that are evicted.
const cordonTime = time.Second

// drain takes the drain of a node a step further. It is best effort: the VM does not wait.
func (d *autoDrain) drain(ctx context.Context, n Node, event int64) error {
	if !n.Remediated {
		if !did(ctx, func(ctx context.Context) error { return d.o.cfg.Nodes.Remediate(ctx, n.Name, true) }) {
			return nil
		}
		if _, begun := d.drained[n.Name]; !begun {
			d.o.noteBecause(event, "draining", nodeSubject(n.Name), remediator+"Azure takes the VM from its host soon; the node's pods move")
		}
		if !clock.Sleep(ctx, cordonTime) {
			return ctx.Err()
		}
	}
	d.drained[n.Name] = did(ctx, func(ctx context.Context) error {
		left, _, err := d.o.cfg.Nodes.Evict(ctx, n.Name)
		if err == nil && left > 0 {
			err = fmt.Errorf("%s left", plural(left, "pod"))
		}
		return err
	})
	return nil
}

// short is the cluster with the numbers of nodes that its Spot pools have left, if Azure has
// taken VMs back. Without an autoscaler nobody asks for others (Microsoft, "Add an Azure
// Spot node pool to an AKS cluster", 2026).
func (d *autoDrain) short() (c Cluster, short bool) {
	c = d.l.State().Cluster
	for _, p := range c.Pools {
		if !p.Spot() {
			continue
		}
		if have := d.o.vmsOf(p.Name); have < p.Count {
			p.Count, short = have, true
			c = c.withPool(p)
		}
	}
	return c, short
}

// asksForOthers says who asks for nodes in place of those that Azure took, by whether the
// pool has the cluster autoscaler.
var asksForOthers = map[bool]string{false: "nobody asks for others", true: "the cluster autoscaler asks for others if pods wait for them"}

// recount brings the numbers of nodes that are wanted down to those that there are. An
// operation of the customer's has its own numbers until it ends.
func (d *autoDrain) recount(ctx context.Context) error {
	d.o.asking.Lock()
	defer d.o.asking.Unlock()
	if d.l.State().OperationInProgress() != nil {
		return nil
	}
	before := d.l.State().Cluster
	c, short := d.short()
	if !short {
		return nil
	}
	if err := d.l.Apply(ctx, SetCluster(c)); err != nil {
		return err
	}
	for _, p := range c.Pools {
		if was, _ := before.pool(p.Name); was.Count != p.Count {
			d.o.note("noticed", poolSubject(p.Name), fmt.Sprintf("the Spot pool has %s left, and had %d: Azure took the rest back, and %s", plural(p.Count, "node"), was.Count, asksForOthers[p.EnableAutoScaling]))
		}
	}
	return nil
}
