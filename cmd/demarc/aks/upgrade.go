package aks

import (
	"context"
	"io"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

// upgradeFlags are the flags of an upgrade of the cluster or of a pool.
type upgradeFlags struct {
	req         api.UpgradeRequest
	drain, soak time.Duration
	noWait      bool
}

// register adds the flags to a command.
func (u *upgradeFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&u.req.KubernetesVersion, "kubernetes-version", "", "the version, such as 1.37 or 1.37.2")
	f.BoolVar(&u.req.NodeImageOnly, "node-image-only", false, "keep the version of Kubernetes, and give nodes the newest image")
	f.StringVar(&u.req.MaxSurge, "max-surge", "", "how many surge nodes are added and so how many nodes are upgraded at once: a number, or a part of the pool such as 33% (default 1)")
	f.DurationVar(&u.drain, "drain-timeout", 0, "for how long a node is drained before the upgrade fails, from 5m to 24h of virtual time (default 30m)")
	f.DurationVar(&u.soak, "node-soak-duration", 0, "how long to wait after a node was drained, up to 30m of virtual time")
	f.BoolVar(&u.noWait, "no-wait", false, "do not wait until it has ended")
	command.CompleteFlag(c, "kubernetes-version", command.Words(api.KubernetesReleases...))
	command.CompleteFlag(c, "max-surge", command.Words("1", "33%", "100%"))
}

func (u *upgradeFlags) request() api.UpgradeRequest {
	r := u.req
	r.DrainTimeout, r.NodeSoak = api.Duration(u.drain), api.Duration(u.soak)
	return r
}

// upgrade asks for an upgrade and follows it.
func upgrade(ctx context.Context, env *command.Env, u *upgradeFlags) error {
	client, err := env.Client()
	if err != nil {
		return err
	}
	op, err := client.Upgrade(ctx, u.request())
	if err != nil {
		return err
	}
	return follow(ctx, env, client, op, u.noWait)
}

func upgradeCmd(env *command.Env) *cobra.Command {
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
		RunE: func(c *cobra.Command, _ []string) error { return upgrade(c.Context(), env, u) },
	}
	u.register(c)
	c.Flags().BoolVar(&u.req.ControlPlaneOnly, "control-plane-only", false, "leave the node pools as they are")
	return c
}

func getUpgradesCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "get-upgrades", Short: "List what the cluster and its node pools can be upgraded to", Args: cobra.NoArgs,
		Example: "  demarc aks get-upgrades -o json",
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.UpgradeProfile, error) {
			return c.Upgrades(ctx)
		}, printUpgrades),
	}
}

func printUpgrades(w io.Writer, p api.UpgradeProfile) error {
	var t output.Table
	t.Heads("WHAT\tKUBERNETES\tUPGRADES\tNODE IMAGE")
	t.Row("control plane", p.KubernetesVersion, output.OrNone(p.Upgrades), "")
	for _, x := range p.Pools {
		image := x.NodeImage
		if x.LatestNodeImage != image {
			image += " (newest: " + x.LatestNodeImage + ")"
		}
		t.Row("nodepool/"+x.Name, x.KubernetesVersion, output.OrNone(x.Upgrades), image)
	}
	return t.Write(w, output.LineWidth)
}
