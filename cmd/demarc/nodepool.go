package main

import (
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func (a *app) nodepoolCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "nodepool",
		Short: "See and change the node pools, as their customer",
		Long: `A node pool is worker nodes of the same kind, of which the customer says how many
they want and which version they have. The provider makes nodes, and drains and
deletes them. One operation at a time changes a cluster or its pools.`,
		Example: `  demarc nodepool list
  demarc nodepool scale nodepool1 --count 5
  demarc nodepool upgrade nodepool1 --max-surge 33%`,
	}, a.nodepoolListCmd(), a.nodepoolShowCmd(), a.nodepoolScaleCmd(), a.nodepoolUpgradeCmd())
}

func (a *app) nodepoolUpgradeCmd() *cobra.Command {
	u := &upgradeFlags{}
	c := &cobra.Command{
		Use: "upgrade POOL", Short: "Upgrade the nodes of a pool", Args: cobra.ExactArgs(1),
		Long: `Upgrade gives the nodes of a pool the control plane's version of Kubernetes, or the
one given, which is never newer, and the newest node image. It goes as in demarc aks
upgrade.`,
		Example: `  demarc nodepool upgrade nodepool1
  demarc nodepool upgrade nodepool1 --kubernetes-version 1.37 --max-surge 2
  demarc nodepool upgrade nodepool1 --node-image-only --drain-timeout 10m --node-soak-duration 5m`,
		ValidArgsFunction: a.completePools,
		RunE: func(c *cobra.Command, args []string) error {
			u.req.Pool = args[0]
			return a.upgrade(c, u)
		},
	}
	u.register(c)
	return c
}

// completePools completes the node pools.
func (a *app) completePools(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if client, err := a.client(); err == nil && len(args) == 0 {
		p, _ := client.Upgrades(c.Context()) // without an answer there is nothing to complete
		for _, x := range p.Pools {
			words = append(words, poolWord(x))
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

func poolWord(x api.PoolProfile) string {
	return x.Name + "\t" + output.Count(x.Count, "node") + " of Kubernetes " + x.KubernetesVersion
}
