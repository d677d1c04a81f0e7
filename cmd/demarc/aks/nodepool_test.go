package aks

import (
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
)

var demarc = commandtest.Group(Commands)

func TestNodePoolCommands(t *testing.T) {
	pool := api.NodePool{
		Name: "nodepool1", PoolShape: api.PoolShape{Zones: []string{"1", "2"}, Taints: []string{"a=b:NoSchedule"}}.WithDefaults(api.ModeSystem), Count: 3, VMs: 2, Ready: 1, KubernetesVersion: "1.37.2", NodeImage: "image-1",
		ProvisioningState: api.OpFailed, Error: "(PodDrainFailure) Drain node x failed",
		Nodes: []api.NodePoolNode{
			{Name: "aks-nodepool1-12345678-vmss000000", InstanceID: 0, Power: "PowerState/running", Ready: true, KubernetesVersion: "1.37.2", NodeImage: "image-1"},
			{Name: "aks-nodepool1-12345678-vmss000001", InstanceID: 1, Power: "PowerState/stopped", Surge: true, KubernetesVersion: "1.37.2", NodeImage: "image-2"},
		},
	}
	home := commandtest.Engine(t, commandtest.Answers{
		"Upgrades":                 api.UpgradeProfile{Pools: []api.PoolProfile{{Name: "nodepool1", Count: 3, KubernetesVersion: "1.37.2"}}},
		"NodePools":                []api.NodePool{pool},
		"NodePool nodepool1":       pool,
		"ScaleNodePool nodepool1":  api.Operation{ID: "op1", Message: "from 3 to 5 nodes"},
		"AddNodePool":              api.Operation{ID: "op2", Message: "User pool of 2 nodes, Standard_D4s_v5"},
		"UpdateNodePool nodepool1": api.Operation{ID: "op3", Message: "mode User"},
		"DeleteNodePool nodepool1": api.Operation{ID: "op4", Message: "3 nodes"},
	})
	demarc.Check(t, home, []commandtest.Case{
		{"nodepool list", command.Held, "nodepool1  System  3      2    1      Standard_D4s_v5  1.37.2      image-1     Failed\n", ""},
		{"nodepool list -o json", command.Held, `"provisioningState": "Failed"`, ""},
		{"nodepool show nodepool1", command.Held, "the last operation failed: (PodDrainFailure)", ""},
		{"nodepool show nodepool1", command.Held, "-vmss000000  0         PowerState/running  Ready,SchedulingDisabled", ""},
		{"nodepool show nodepool1", command.Held, "PowerState/stopped  NotReady (surge) ", ""},
		{"nodepool show nodepool1 -o json", command.Held, `"instanceID": 1`, ""},
		{"nodepool show nodepool1", command.Held, "zones 1,2\ntaints a=b:NoSchedule\n250 pods at most", ""},
		{"nodepool add batch --node-count 2", command.Held, "operation op2 of batch: User pool of 2 nodes", ""},
		{"nodepool add batch --labels x", command.BadRequest, "", "Invalid label: x. Label definition must be of format name=value."},
		{"nodepool add", command.BadRequest, "", "accepts 1 arg"},
		{"nodepool update nodepool1 --mode User", command.Held, "operation op3 of nodepool1: mode User", ""},
		{"nodepool delete nodepool1 --ignore-pdb", command.Held, "operation op4 of nodepool1: 3 nodes", ""},
		{"nodepool show other", command.BadRequest, "", "other"},
		{"nodepool scale nodepool1 --count 5", command.Held, "operation op1: nodepool1 from 3 to 5 nodes; demarc nodepool show nodepool1 tells", ""},
		{"nodepool scale nodepool1 --count 5 -o json", command.Held, `"id": "op1"`, ""},
		{"nodepool scale nodepool1 --node-count 5", command.Held, "from 3 to 5 nodes", ""},
		{"nodepool scale nodepool1", command.BadRequest, "", "to how many nodes?"},
		{"nodepool scale", command.BadRequest, "", "accepts 1 arg"},
		{"nodepool lst", command.BadRequest, "", `did you mean "list"?`},
		{"__complete nodepool show ", command.Held, "nodepool1\t3 nodes of Kubernetes 1.37.2\n:4\n", ""},
	})
}
