package main

import (
	"time"

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
	must(c.RegisterFlagCompletionFunc("kubernetes-version", complete(api.KubernetesReleases...)))
	must(c.RegisterFlagCompletionFunc("max-surge", complete("1", "33%", "100%")))
}

func (u *upgradeFlags) request() api.UpgradeRequest {
	r := u.req
	r.DrainTimeout, r.NodeSoak = api.Duration(u.drain), api.Duration(u.soak)
	return r
}

// upgrade asks for an upgrade and follows it.
func (a *app) upgrade(c *cobra.Command, u *upgradeFlags) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	op, err := client.Upgrade(c.Context(), u.request())
	if err != nil {
		return err
	}
	return a.follow(c.Context(), client, op, u.noWait)
}
