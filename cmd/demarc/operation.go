package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"
)

// operationPoll is how often an operation is asked how far it is, in real time.
const operationPoll = 200 * time.Millisecond

// follow shows how an operation goes until it has ended, unless nobody waits for
// it, and prints what came of it. The exit code is 1 if it failed.
func (a *app) follow(ctx context.Context, c *api.Client, op api.Operation, noWait bool) error {
	if !noWait {
		var err error
		if op, err = a.awaitOperation(ctx, c, op); err != nil {
			return err
		}
	}
	var err error
	switch {
	case a.JSON():
		err = a.Value(op)
	case op.State == api.OpFailed:
		terminal.Fprintf(a.Err, "demarc: %s failed: %s\n", operationText(op), op.Error)
	case op.InProgress():
		_, err = terminal.Fprintf(a.Out, "%s: begun as %s\n", operationText(op), op.ID)
	default:
		_, err = terminal.Fprintf(a.Out, "%s: done in %s\n", operationText(op), output.Span(op.Ended.Sub(op.Began).Seconds()))
	}
	if err == nil && op.State == api.OpFailed {
		return exitStatus(exitNotHeld)
	}
	return err
}

func operationText(op api.Operation) string { return op.Subject + ": " + op.Message }

func (a *app) awaitOperation(ctx context.Context, c *api.Client, op api.Operation) (api.Operation, error) {
	if k, err := c.Clock(ctx); err == nil && k.Virtual && k.Rate == 0 {
		fmt.Fprintln(a.Err, "the virtual clock is paused: the operation goes on when it runs (demarc clock run)")
	}
	show := output.NewProgress(a.Err)
	defer show.End()
	for op.InProgress() {
		show.Show(operationProgress(op))
		select {
		case <-ctx.Done():
			return op, context.Cause(ctx)
		case <-time.After(operationPoll):
		}
		list, err := c.Operations(ctx)
		if err != nil {
			return op, err
		}
		i := slices.IndexFunc(list, func(x api.Operation) bool { return x.ID == op.ID })
		if i < 0 {
			return op, &engine.FailedError{Reason: "it no longer knows of the operation " + op.ID}
		}
		op = list[i]
	}
	return op, nil
}

// operationProgress says in a few words what an operation is at.
func operationProgress(op api.Operation) string {
	u := op.Upgrade
	if u == nil {
		return operationText(op)
	}
	if u.From != u.To && u.ControlPlaneDone.IsZero() {
		return operationText(op) + ": control plane"
	}
	for _, p := range u.Pools {
		if p.Done.IsZero() {
			return operationText(op) + ": " + poolProgress(p)
		}
	}
	return operationText(op)
}

func poolProgress(p api.PoolUpgrade) string {
	ready := 0
	at := "surge nodes"
	for _, n := range p.Nodes {
		switch {
		case !n.Ready.IsZero():
			ready++
		case n.Cordoned.IsZero():
		case n.Drained.IsZero() && n.Blocked != "":
			at = n.Name + ": eviction blocked by a PodDisruptionBudget: " + n.Blocked
		case n.Drained.IsZero():
			at = "draining " + n.Name
		case n.Reimaged.IsZero():
			at = "soaking after " + n.Name
		default:
			at = "reimaging " + n.Name
		}
	}
	if p.Failure != "" {
		at = "tidying up after a failure"
	}
	return fmt.Sprintf("%s: %d of %d nodes, %s", p.Name, ready, len(p.Nodes), at)
}
