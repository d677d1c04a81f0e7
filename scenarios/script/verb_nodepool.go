package script

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// poolActions are what a customer can ask of a node pool.
var poolActions = map[string]func(ctx context.Context, r *run, c *call) error{
	"upgrade": upgradePool,
}

var verbNodepool = Verb{
	Name:    "nodepool",
	Summary: "asks for a change of a node pool, as its customer",
	Doc: "An upgrade is to the control plane's version, or to the one given. The action is over when the provider has accepted it: " +
		"what comes of it is in operations.",
	Example: "nodepool upgrade nodepool1 max-surge=33%",
	Args: append([]Arg{
		{Name: "action", Type: ArgEnum, Positional: true, Required: true, Values: slices.Sorted(maps.Keys(poolActions)), Doc: "what to do"},
		{Name: "pool", Type: ArgWord, Positional: true, Required: true, Doc: "the node pool"},
		{Name: "only", Type: ArgEnum, Values: []string{"node-images"}, Doc: "for upgrade: keeps the version of Kubernetes"},
	}, upgradeArgs...),
	run: func(ctx context.Context, r *run, c *call) error {
		action := c.text("action")
		if err := poolActions[action](ctx, r, c); err != nil {
			return fmt.Errorf("nodepool %s %s: %w", action, c.text("pool"), err)
		}
		return nil
	},
}

func upgradePool(ctx context.Context, r *run, c *call) error {
	req := upgradeRequest(c)
	req.Pool, req.NodeImageOnly = c.text("pool"), c.text("only") == "node-images"
	_, err := r.world.Upgrade(ctx, req)
	return err
}
