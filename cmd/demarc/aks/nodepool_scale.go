package aks

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func nodepoolListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the node pools", Args: cobra.NoArgs,
		Example: "  demarc nodepool list -o json",
		RunE:    command.List(env, func(ctx context.Context, c *api.Client) ([]api.NodePool, error) { return c.NodePools(ctx) }, "there is no node pool", printNodePools),
	}
}

var printNodePools = output.Columns("POOL\tMODE\tCOUNT\tVMS\tREADY\tSIZE\tKUBERNETES\tNODE IMAGE\tSTATE", func(p api.NodePool) []any {
	count := strconv.Itoa(p.Count)
	if p.EnableAutoScaling {
		count += fmt.Sprintf(" (%d-%d)", p.MinCount, p.MaxCount)
	}
	return []any{p.Name, p.Mode, count, p.VMs, p.Ready, p.Size, p.KubernetesVersion, p.NodeImage, p.ProvisioningState}
})

func nodepoolShowCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "show POOL", Short: "Show a node pool and its nodes", Args: cobra.ExactArgs(1),
		Example:           "  demarc nodepool show nodepool1",
		ValidArgsFunction: completePools(env),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.NodePool, error) {
			return c.NodePool(ctx, args[0])
		}, printNodePool),
	}
}

func printNodePool(w io.Writer, p api.NodePool) error {
	if err := printNodePools(w, []api.NodePool{p}); err != nil {
		return err
	}
	if p.EnableAutoScaling {
		terminal.Fprintf(w, "%s\n", autoscaled(p.Autoscaling))
	}
	printShape(w, p.PoolShape)
	if p.Error != "" {
		terminal.Fprintf(w, "the last operation failed: %s\n", p.Error)
	}
	fmt.Fprintln(w)
	return printPoolNodes(w, p.Nodes)
}

var printPoolNodes = output.Columns("NODE\tINSTANCE\tPOWER\tSTATE\tKUBERNETES\tNODE IMAGE", func(n api.NodePoolNode) []any {
	return []any{n.Name, n.InstanceID, n.Power, nodeState(n), n.KubernetesVersion, n.NodeImage}
})

// nodeState is a node's state, as kubectl writes it.
func nodeState(n api.NodePoolNode) string {
	state := "NotReady"
	if n.Ready {
		state = "Ready"
		if !n.Schedulable {
			state += ",SchedulingDisabled"
		}
	}
	if n.Surge {
		state += " (surge)"
	}
	return state
}

func nodepoolScaleCmd(env *command.Env) *cobra.Command {
	count, pool := -1, ""
	c := &cobra.Command{
		Use: "scale POOL", Short: "Ask for another number of nodes", Args: cobra.ExactArgs(1),
		Long: `Scale asks the provider for another number of nodes, and returns when it has
accepted that. New nodes take some minutes. Of nodes that go, the newest go first:
they are drained, no faster than PodDisruptionBudgets allow, and deleted. A pool that
the cluster autoscaler scales cannot be scaled by hand.`,
		Example:           "  demarc nodepool scale nodepool1 --count 5",
		ValidArgsFunction: completePools(env),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.Operation, error) {
			if count < 0 {
				return api.Operation{}, &engine.InputError{Message: "to how many nodes?", Hint: "give --count: from 1, or from 0 for a pool of mode User"}
			}
			pool = args[0]
			return c.ScaleNodePool(ctx, pool, api.ScaleRequest{Count: count})
		}, output.Sentence(func(op api.Operation) string {
			return fmt.Sprintf("operation %s: %s %s; demarc nodepool show %s tells how it goes on", op.ID, pool, op.Message, pool)
		})),
	}
	c.Flags().IntVar(&count, "count", -1, "how many nodes the pool is to have")
	c.Flags().IntVar(&count, "node-count", -1, "the same, as az aks calls it")
	return c
}
