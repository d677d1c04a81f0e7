package main

import (
	"context"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"

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
		RunE: listed(a, func(ctx context.Context, c *api.Client) ([]api.Replica, error) { return c.Replicas(ctx) }, "there is no replica", printReplicas),
	}
}

var printReplicas = output.Columns("REPLICA\tSTATE\tNETWORK\tTERM\tAPPLIED\tLAST\tSINCE", func(r api.Replica) []any {
	return []any{r.Name, r.State, r.Network, r.Term, r.Applied, r.Last, output.DateTime(r.Since)}
})
