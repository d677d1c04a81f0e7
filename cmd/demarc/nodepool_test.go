package main

import (
	"strings"
	"testing"

	"demarc/sim/api"
)

func TestNodePoolCommands(t *testing.T) {
	pool := api.NodePool{
		Name: "nodepool1", Mode: "System", Count: 3, VMs: 2, Ready: 1, Size: "Standard_D4s_v5", KubernetesVersion: "1.37.2", NodeImage: "image-1",
		ProvisioningState: api.OpFailed, Error: "(PodDrainFailure) Drain node x failed",
		Nodes: []api.NodePoolNode{
			{Name: sshNode0, InstanceID: 0, Power: "PowerState/running", Ready: true, KubernetesVersion: "1.37.2", NodeImage: "image-1"},
			{Name: sshNode1, InstanceID: 1, Power: "PowerState/stopped", Surge: true, KubernetesVersion: "1.37.2", NodeImage: "image-2"},
		},
	}
	home := nodesEngine(t, map[string]func() any{
		"GET " + api.PathUpgrades:                        always(api.UpgradeProfile{Pools: []api.PoolProfile{{Name: "nodepool1", Count: 3, KubernetesVersion: "1.37.2"}}}),
		"GET " + api.PathNodePools:                       always([]api.NodePool{pool}),
		"GET " + api.PathNodePools + "/nodepool1":        always(pool),
		"POST " + api.PathNodePools + "/nodepool1/scale": always(api.Operation{ID: "op1", Message: "from 3 to 5 nodes"}),
	})
	for _, c := range []struct {
		args       string
		code       int
		out, error string
	}{
		{"nodepool list", exitHeld, "nodepool1  System  3      2    1      Standard_D4s_v5  1.37.2      image-1     Failed\n", ""},
		{"nodepool list -o json", exitHeld, `"provisioningState": "Failed"`, ""},
		{"nodepool show nodepool1", exitHeld, "the last operation failed: (PodDrainFailure)", ""},
		{"nodepool show nodepool1", exitHeld, sshNode0 + "  0         PowerState/running  Ready,SchedulingDisabled", ""},
		{"nodepool show nodepool1", exitHeld, "PowerState/stopped  NotReady (surge) ", ""},
		{"nodepool show nodepool1 -o json", exitHeld, `"instanceID": 1`, ""},
		{"nodepool show other", exitInput, "", "other"},
		{"nodepool scale nodepool1 --count 5", exitHeld, "operation op1: nodepool1 from 3 to 5 nodes; demarc nodepool show nodepool1 tells", ""},
		{"nodepool scale nodepool1 --count 5 -o json", exitHeld, `"id": "op1"`, ""},
		{"nodepool scale nodepool1", exitInput, "", "to how many nodes?"},
		{"nodepool scale", exitInput, "", "accepts 1 arg"},
		{"nodepool lst", exitInput, "", `did you mean "list"?`},
		{"__complete nodepool show ", exitHeld, "nodepool1\t3 nodes of Kubernetes 1.37.2\n:4\n", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errout := runIn(t, home, strings.Split(c.args, " ")...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) {
				t.Errorf("got %d\n%s\n%q\nwant %d\n%s\n%q", code, out, errout, c.code, c.out, c.error)
			}
		})
	}
}
