package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) nodepoolListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the node pools", Args: cobra.NoArgs,
		Example: "  demarc nodepool list -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			list, err := client.NodePools(c.Context())
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(list)
			}
			return printNodePools(a.out, list)
		},
	}
}

func printNodePools(w io.Writer, list []api.NodePool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	terminal.Fprintf(t, "POOL\tMODE\tCOUNT\tVMS\tREADY\tSIZE\tKUBERNETES\tNODE IMAGE\tSTATE\n")
	for _, p := range list {
		terminal.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", p.Name, p.Mode, p.Count, p.VMs, p.Ready, p.Size, p.KubernetesVersion, p.NodeImage, p.ProvisioningState)
	}
	return t.Flush()
}

func (a *app) nodepoolShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show POOL", Short: "Show a node pool and its nodes", Args: cobra.ExactArgs(1),
		Example:           "  demarc nodepool show nodepool1",
		ValidArgsFunction: a.completePools,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			p, err := client.NodePool(c.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(p)
			}
			return printNodePool(a.out, p)
		},
	}
}

func printNodePool(w io.Writer, p api.NodePool) error {
	if err := printNodePools(w, []api.NodePool{p}); err != nil {
		return err
	}
	if p.Error != "" {
		terminal.Fprintf(w, "the last operation failed: %s\n", p.Error)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	terminal.Fprintf(t, "NODE\tINSTANCE\tPOWER\tSTATE\tKUBERNETES\tNODE IMAGE\n")
	for _, n := range p.Nodes {
		terminal.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", n.Name, n.InstanceID, n.Power, nodeState(n), n.KubernetesVersion, n.NodeImage)
	}
	return t.Flush()
}

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

func (a *app) nodepoolScaleCmd() *cobra.Command {
	count := -1
	c := &cobra.Command{
		Use: "scale POOL", Short: "Ask for another number of nodes", Args: cobra.ExactArgs(1),
		Long: `Scale asks the provider for another number of nodes, and returns when it has
accepted that. New nodes take some minutes. Of nodes that go, the newest go first:
they are drained, no faster than PodDisruptionBudgets allow, and deleted.`,
		Example:           "  demarc nodepool scale nodepool1 --count 5",
		ValidArgsFunction: a.completePools,
		RunE: func(c *cobra.Command, args []string) error {
			if count < 0 {
				return &engine.InputError{Message: "to how many nodes?", Hint: "give --count, from 1"}
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			op, err := client.ScaleNodePool(c.Context(), args[0], api.ScaleRequest{Count: count})
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(op)
			}
			_, err = terminal.Fprintf(a.out, "operation %s: %s %s; demarc nodepool show %s tells how it goes on\n", op.ID, args[0], op.Message, args[0])
			return err
		},
	}
	c.Flags().IntVar(&count, "count", -1, "how many nodes the pool is to have")
	return c
}
