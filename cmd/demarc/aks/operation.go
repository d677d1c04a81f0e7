package aks

import (
	"context"
	"fmt"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/terminal"
)

// follow shows how an operation goes until it has ended, unless nobody waits for
// it, and prints what came of it. The exit code is 1 if it failed.
func follow(ctx context.Context, env *command.Env, c *api.Client, op api.Operation, noWait bool) error {
	if !noWait {
		var err error
		op, err = command.Await(ctx, env, &c.Actions, "operation", op, func(op api.Operation) command.State {
			return command.State{ID: op.ID, Text: operationProgress(op), Over: !op.InProgress()}
		}, c.Operations)
		if err != nil {
			return err
		}
	}
	var err error
	switch {
	case env.JSON():
		err = env.Value(op)
	case op.State == api.OpFailed:
		terminal.Fprintf(env.Err, "demarc: %s failed: %s\n", operationText(op), op.Error)
	case op.InProgress():
		_, err = terminal.Fprintf(env.Out, "%s: begun as %s\n", operationText(op), op.ID)
	default:
		_, err = terminal.Fprintf(env.Out, "%s: done in %s\n", operationText(op), output.Span(op.Ended.Sub(op.Began).Seconds()))
	}
	if err == nil && op.State == api.OpFailed {
		return command.Exit(command.NotHeld)
	}
	return err
}

func operationText(op api.Operation) string {
	if op.PowerChange != nil {
		return op.Kind + " " + op.Subject // what that is, help says
	}
	return op.Subject + ": " + op.Message
}

// operationProgress says in a few words what an operation is at.
func operationProgress(op api.Operation) string {
	if op.PowerChange != nil {
		return operationText(op) + powerProgress(op)
	}
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
