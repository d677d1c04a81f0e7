package script

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"demarc/sim/api"
)

var verbNodepool = Verb{
	Name:    "nodepool",
	Summary: "asks for a change of a node pool, or for another one, as its customer",
	Doc: "Adding makes a pool with a scale set of its own, and its nodes are node/POOL-vmss000000 and so on. Scaling brings it to as many nodes as to= says: nodes that go are drained, the newest first. " +
		"Deleting drains and deletes all of them. An update replaces labels or taints, also those of the nodes that are there; none= takes them away. An upgrade is to the control plane's version, or to the one given. " +
		"The cluster autoscaler is enabled, updated or disabled by add or update, with min= and max=. " +
		"The action is over when the provider has accepted it: what comes of it is in operations, and the pools are in nodepools.",
	Example: "nodepool add batch count=2 taints=dedicated=batch:NoSchedule",
	Args: append([]Arg{
		actionArg("scale", "upgrade", "add", "update", "delete"),
		{Name: "pool", Type: ArgWord, Positional: true, Required: true, Doc: "the node pool: every cluster begins with " + api.DefaultPool},
		{Name: "only", Type: ArgEnum, Values: []string{"node-images"}, Doc: "for upgrade: keeps the version of Kubernetes"},
		{Name: "count", Type: ArgInt, Doc: "for add: how many nodes; 3 if there is none"},
		{Name: "mode", Type: ArgEnum, Values: api.PoolModes, Doc: "for add, where it is User if there is none, and for update"},
		{Name: "size", Type: ArgText, Doc: "for add: the VMs' size"},
		{Name: "zones", Type: ArgText, Doc: "for add: such as 1,2,3"},
		{Name: "labels", Type: ArgText, Doc: "for add and update: KEY=VALUE, separated by commas"},
		{Name: "taints", Type: ArgText, Doc: "for add and update: KEY=VALUE:EFFECT, separated by commas"},
		{Name: "none", Type: ArgEnum, Values: []string{"labels", "taints"}, Doc: "for update: takes all of these away"},
		{Name: "max-pods", Type: ArgInt, Doc: "for add: how many pods a node can have"},
		{Name: "priority", Type: ArgEnum, Values: api.PoolPriorities, Doc: "for add"},
		{Name: "eviction-policy", Type: ArgEnum, Values: api.EvictionPolicies, Doc: "for add, of priority Spot"},
		{Name: "autoscaler", Type: ArgEnum, Values: api.AutoscalerActions, Doc: "for update, and enable for add: what the cluster autoscaler is to do"},
		{Name: "min", Type: ArgInt, Doc: "with autoscaler=: the fewest nodes"},
		{Name: "max", Type: ArgInt, Doc: "with autoscaler=: the most nodes"},
		{Name: "spot-max-price", Type: ArgText, Doc: "for add, of priority Spot: US dollars an hour, or -1 for no bound"},
		{Name: "ignore-pdb", Type: ArgEnum, Values: []string{"yes", "no"}, Doc: "for delete: yes deletes nodes with the pods that budgets protect"},
	}, upgradeArgs...),
	Check: checkNodepool,
}

// poolArgs are the arguments that only one of the actions takes.
var poolArgs = map[string][]string{
	"scale":  {"to"},
	"add":    {"to", "count", "mode", "size", "zones", "labels", "taints", "max-pods", "priority", "eviction-policy", "spot-max-price", "autoscaler", "min", "max"},
	"update": {"mode", "labels", "taints", "none", "autoscaler", "min", "max"},
	"delete": {"ignore-pdb"},
}

// checkNodepool checks what only some of the actions take. A pool that is added can be
// named then, and a first pool that grows gives the script nodes of higher indices.
func checkNodepool(k Checker, c *Call) {
	action, pool := c.Text("action"), c.Text("pool")
	takes, known := poolArgs[action]
	if !known {
		takes = []string{"only", "to", "max-surge", "drain-timeout", "soak"}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Cols)) {
		if name != "action" && name != "pool" && !slices.Contains(takes, name) {
			k.Problem(c.Cols[name], "", "nodepool %s takes only %s=", action, strings.Join(takes, "=, "))
		}
	}
	if price := c.Text("spot-max-price"); price != "" {
		if _, err := strconv.ParseFloat(price, 64); err != nil {
			k.Problem(c.Cols["spot-max-price"], "", "spot-max-price=%s: want a price such as 0.02, or -1", price)
		}
	}
	if action == "add" {
		k.AddPool(pool)
		return
	}
	k.Pool(pool, c.Cols["pool"])
	if n, err := strconv.Atoi(c.Text("max")); err == nil && pool == api.DefaultPool {
		k.Grow(min(n, api.MaxNodes))
	}
	if action != "scale" {
		return
	}
	least := 0
	if pool == api.DefaultPool {
		least = 1
	}
	n, err := strconv.Atoi(c.Text("to"))
	if err != nil || n < least || n > api.MaxNodes {
		k.Problem(c.Words[0].Col, "", "nodepool scale needs to=, the number of nodes, from %d to %d", least, api.MaxNodes)
		return
	}
	if pool == api.DefaultPool {
		k.Grow(n)
	}
}
