package script

import (
	"maps"
	"slices"
	"strconv"

	"demarc/sim/api"
)

var verbNodepool = Verb{
	Name:    "nodepool",
	Summary: "asks for a change of a node pool, as its customer",
	Doc: "Scaling brings it to as many nodes as to= says: nodes that go are drained, the newest first. An upgrade is to the control plane's version, or to the one given. The action is over when the provider has accepted it: " +
		"what comes of it is in operations.",
	Example: "nodepool upgrade nodepool1 max-surge=33%",
	Args: append([]Arg{
		actionArg("scale", "upgrade"),
		{Name: "pool", Type: ArgWord, Positional: true, Required: true, Doc: "the node pool: every cluster has one, " + api.DefaultPool},
		{Name: "only", Type: ArgEnum, Values: []string{"node-images"}, Doc: "for upgrade: keeps the version of Kubernetes"},
	}, upgradeArgs...),
	Check: checkNodepool,
}

// checkNodepool checks what only one of the actions takes. A pool that grows gives
// the script nodes of higher indices.
func checkNodepool(k Checker, c *Call) {
	k.Pool(c.Text("pool"), c.Cols["pool"])
	if c.Text("action") != "scale" {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.Cols)) {
		if !slices.Contains([]string{"action", "pool", "to"}, name) {
			k.Problem(c.Cols[name], "", "nodepool scale takes only to=")
		}
	}
	n, err := strconv.Atoi(c.Text("to"))
	if err != nil || n < 1 || n > api.MaxNodes {
		k.Problem(c.Words[0].Col, "", "nodepool scale needs to=, the number of nodes, from 1 to %d", api.MaxNodes)
		return
	}
	k.Grow(n)
}
