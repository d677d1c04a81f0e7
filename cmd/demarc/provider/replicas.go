// Package provider has the commands of the provider's own view: the backups of etcd, also
// of a cluster that is stopped, restores, and the replicas of the provider's plane.
package provider

import (
	"context"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

// Commands are the commands of this group.
func Commands(env *command.Env) []*cobra.Command {
	return []*cobra.Command{backupCmd(env), replicasCmd(env)}
}

func replicasCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "replicas",
		Short: "Show the replicas of the provider's own plane",
		Long: `Replicas shows the three replicas of the plane from which the provider operates
the cluster, and how far each has come in their common log. They are out of
customers' reach: without --as provider the engine refuses.`,
		Example: `  demarc --as provider replicas
  demarc --as provider replicas -o json`,
		Args: cobra.NoArgs,
		RunE: command.List(env, func(ctx context.Context, c *api.Client) ([]api.Replica, error) { return c.Replicas(ctx) }, "there is no replica", printReplicas),
	}
}

var printReplicas = output.Columns("REPLICA\tSTATE\tNETWORK\tTERM\tAPPLIED\tLAST\tSINCE", func(r api.Replica) []any {
	return []any{r.Name, r.State, r.Network, r.Term, r.Applied, r.Last, output.DateTime(r.Since)}
})
