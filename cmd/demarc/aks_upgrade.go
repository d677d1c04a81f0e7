package main

import (
	"context"
	"io"
	"text/tabwriter"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) aksUpgradeCmd() *cobra.Command {
	u := &upgradeFlags{}
	c := &cobra.Command{
		Use: "upgrade", Short: "Upgrade the control plane, then the node pools", Args: cobra.NoArgs,
		Long: `Upgrade upgrades the control plane, one minor version at a time, and then the nodes
of each pool: surge nodes are added, a node is drained with respect for
PodDisruptionBudgets, gets a new disk with the new version and takes pods again, and
in the end the surge nodes go. If a node cannot be drained in time the upgrade
fails, with exit code 1; asking again for the same version goes on with the rest.
Ctrl-C does not end an upgrade.`,
		Example: `  demarc aks upgrade --kubernetes-version 1.37
  demarc aks upgrade --kubernetes-version 1.37 --control-plane-only
  demarc aks upgrade --node-image-only --max-surge 33% --no-wait`,
		RunE: func(c *cobra.Command, _ []string) error { return a.upgrade(c, u) },
	}
	u.register(c)
	c.Flags().BoolVar(&u.req.ControlPlaneOnly, "control-plane-only", false, "leave the node pools as they are")
	return c
}

func (a *app) aksGetUpgradesCmd() *cobra.Command {
	return &cobra.Command{
		Use: "get-upgrades", Short: "List what the cluster and its node pools can be upgraded to", Args: cobra.NoArgs,
		Example: "  demarc aks get-upgrades -o json",
		RunE: asked(a, func(ctx context.Context, c *api.Client, _ []string) (api.UpgradeProfile, error) {
			return c.Upgrades(ctx)
		}, printUpgrades),
	}
}

func printUpgrades(w io.Writer, p api.UpgradeProfile) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	terminal.Fprintf(t, "WHAT\tKUBERNETES\tUPGRADES\tNODE IMAGE\n")
	terminal.Fprintf(t, "control plane\t%s\t%s\t\n", p.KubernetesVersion, output.OrNone(p.Upgrades))
	for _, x := range p.Pools {
		image := x.NodeImage
		if x.LatestNodeImage != image {
			image += " (newest: " + x.LatestNodeImage + ")"
		}
		terminal.Fprintf(t, "nodepool/%s\t%s\t%s\t%s\n", x.Name, x.KubernetesVersion, output.OrNone(x.Upgrades), image)
	}
	return t.Flush()
}
