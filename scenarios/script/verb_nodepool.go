package script

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"demarc/sim/api"
)

// poolActions are what a customer can ask of a node pool.
var poolActions = map[string]func(ctx context.Context, a action) error{
	"scale": func(ctx context.Context, a action) error {
		n, err := strconv.Atoi(a.text("to"))
		if err != nil {
			return fmt.Errorf("to: %w", err)
		}
		return only(a.customer().ScaleNodePool(ctx, a.text("pool"), api.ScaleRequest{Count: n}))
	},
	"upgrade": func(ctx context.Context, a action) error {
		req := upgradeRequest(a.call)
		req.Pool, req.NodeImageOnly = a.text("pool"), a.text("only") == "node-images"
		return only(a.customer().Upgrade(ctx, req))
	},
}

var verbNodepool = Verb{
	Name:    "nodepool",
	Summary: "asks for a change of a node pool, as its customer",
	Doc: "Scaling brings it to as many nodes as to= says: nodes that go are drained, the newest first. An upgrade is to the control plane's version, or to the one given. The action is over when the provider has accepted it: " +
		"what comes of it is in operations.",
	Example: "nodepool upgrade nodepool1 max-surge=33%",
	Args: append([]Arg{
		actionArg(slices.Sorted(maps.Keys(poolActions))...),
		{Name: "pool", Type: ArgWord, Positional: true, Required: true, Doc: "the node pool"},
		{Name: "only", Type: ArgEnum, Values: []string{"node-images"}, Doc: "for upgrade: keeps the version of Kubernetes"},
	}, upgradeArgs...),
	check: checkNodepool,
	title: func(a action) string { return byAction(a) + " " + a.text("pool") },
	run:   func(ctx context.Context, a action) error { return poolActions[a.text("action")](ctx, a) },
}

// checkNodepool checks what only one of the actions takes. A pool that grows gives
// the script nodes of higher indices.
func checkNodepool(p *parser, c *call) {
	if c.text("action") != "scale" {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.cols)) {
		if !slices.Contains([]string{"action", "pool", "to"}, name) {
			p.problem(c.cols[name], "", "nodepool scale takes only to=")
		}
	}
	n, err := strconv.Atoi(c.text("to"))
	if err != nil || n < 1 || n > api.MaxNodes {
		p.problem(c.words[0].col, "", "nodepool scale needs to=, the number of nodes, from 1 to %d", api.MaxNodes)
		return
	}
	p.grow(n)
}

// grow notes that the cluster has a number of nodes from here on. Indices are
// instance numbers, which are never used twice.
func (p *parser) grow(nodes int) {
	if p.nodes == 0 {
		p.nodes, p.instances = p.script.Cluster.Nodes, p.script.Cluster.Nodes
	}
	p.instances += max(nodes-p.nodes, 0)
	p.nodes = nodes
}

// lastInstance is the highest index of a node so far.
func (p *parser) lastInstance() int { return max(p.instances, p.script.Cluster.Nodes) - 1 }
