package aks

import (
	"context"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func nodepoolCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "nodepool",
		Short: "See and change the node pools, as their customer",
		Long: `A node pool is worker nodes of the same kind, of which the customer says how many
they want and which version they have. The provider makes nodes, and drains and
deletes them. A cluster begins with the pool nodepool1; one pool of mode System must
always be left. One operation at a time changes a cluster or its pools.`,
		Example: `  demarc nodepool list
  demarc nodepool add batch --node-count 2 --node-taints dedicated=batch:NoSchedule
  demarc nodepool scale nodepool1 --count 5
  demarc nodepool upgrade nodepool1 --max-surge 33%`,
	}, nodepoolListCmd(env), nodepoolShowCmd(env), nodepoolAddCmd(env), nodepoolDeleteCmd(env), nodepoolScaleCmd(env), nodepoolUpdateCmd(env), nodepoolUpgradeCmd(env))
}

func nodepoolUpgradeCmd(env *command.Env) *cobra.Command {
	u := &upgradeFlags{}
	c := &cobra.Command{
		Use: "upgrade POOL", Short: "Upgrade the nodes of a pool", Args: cobra.ExactArgs(1),
		Long: `Upgrade gives the nodes of a pool the control plane's version of Kubernetes, or the
one given, which is never newer, and the newest node image. It goes as in demarc aks
upgrade.`,
		Example: `  demarc nodepool upgrade nodepool1
  demarc nodepool upgrade nodepool1 --kubernetes-version 1.37 --max-surge 2
  demarc nodepool upgrade nodepool1 --node-image-only --drain-timeout 10m --node-soak-duration 5m`,
		ValidArgsFunction: completePools(env),
		RunE: func(c *cobra.Command, args []string) error {
			u.req.Pool = args[0]
			return upgrade(c.Context(), env, u)
		},
	}
	u.register(c)
	return c
}

// completePools completes the node pools.
func completePools(env *command.Env) cobra.CompletionFunc {
	return command.ListCompletion(env, func(ctx context.Context, c *api.Client) ([]api.PoolProfile, error) {
		p, err := c.Upgrades(ctx)
		return p.Pools, err
	}, func(x api.PoolProfile) string {
		return x.Name + "\t" + output.Count(x.Count, "node") + " of Kubernetes " + x.KubernetesVersion
	})
}
