package script

import (
	"maps"
	"slices"
)

var verbAKS = Verb{
	Name:    "aks",
	Summary: "asks for an upgrade of the cluster, or for its stop or start, as its customer",
	Doc: "Upgrading: control plane first, then the node pools one after the other. The action is over when the provider has accepted it: " +
		"what comes of it is in operations. Asking for the version that the cluster has resumes an upgrade of its pools that has failed. " +
		"Stopping drains the nodes, deallocates their VMs and shuts the control plane down; its state is kept until it is started.",
	Example: "aks upgrade to=1.37",
	Args: append([]Arg{
		actionArg("upgrade", "stop", "start"),
		{Name: "only", Type: ArgEnum, Values: []string{"control-plane", "node-images"}, Doc: "for upgrade: leaves the rest as it is"},
	}, upgradeArgs...),
	Check: checkAKS,
}

// checkAKS refuses arguments of an upgrade that a stop or a start does not take.
func checkAKS(k Checker, c *Call) {
	action := c.Text("action")
	if action == "upgrade" {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.Cols)) {
		if name != "action" {
			k.Problem(c.Cols[name], "", "aks %s takes no %s=", action, name)
		}
	}
}

// upgradeArgs are the arguments of every upgrade.
var upgradeArgs = []Arg{
	{Name: "to", Type: ArgText, Doc: "the version of Kubernetes, such as 1.37 or 1.37.2"},
	{Name: "max-surge", Type: ArgText, Doc: "surge nodes, or the part of a pool such as 33%, that are added and upgraded at once"},
	{Name: "drain-timeout", Type: ArgDuration, Doc: "for how long a node is drained before the upgrade fails"},
	{Name: "soak", Type: ArgDuration, Doc: "the wait after a node was drained"},
}
