package main

import (
	"text/tabwriter"

	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) replicasCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "replicas",
		Short: "Show the replicas of the provider's own plane",
		Long: `Replicas shows the three replicas of the plane from which the provider operates
the cluster, and how far each has come in their common log. They are out of
customers' reach: without --as provider the engine refuses.`,
		Example: `  demarc --as provider replicas
  demarc --as provider replicas -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			list, err := client.Replicas(c.Context())
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(list)
			}
			t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			terminal.Fprintf(t, "REPLICA\tSTATE\tNETWORK\tTERM\tAPPLIED\tLAST\tSINCE\n")
			for _, r := range list {
				terminal.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", r.Name, r.State, r.Network, r.Term, r.Applied, r.Last, dateTime(r.Since))
			}
			return t.Flush()
		},
	}
}
