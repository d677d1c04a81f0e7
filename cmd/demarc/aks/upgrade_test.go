package aks

import (
	"bytes"
	"testing"
	"time"

	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
)

func TestPoolProgress(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	done := api.NodeUpgrade{Name: "a", Cordoned: now, Drained: now, Reimaged: now, Ready: now}
	tests := []struct {
		node api.NodeUpgrade
		want string
	}{
		{api.NodeUpgrade{Name: "b"}, "p: 1 of 2 nodes, surge nodes"},
		{api.NodeUpgrade{Name: "b", Cordoned: now}, "p: 1 of 2 nodes, draining b"},
		{api.NodeUpgrade{Name: "b", Cordoned: now, Blocked: "shop/web"}, "p: 1 of 2 nodes, b: eviction blocked by a PodDisruptionBudget: shop/web"},
		{api.NodeUpgrade{Name: "b", Cordoned: now, Drained: now}, "p: 1 of 2 nodes, soaking after b"},
		{api.NodeUpgrade{Name: "b", Cordoned: now, Drained: now, Reimaged: now}, "p: 1 of 2 nodes, reimaging b"},
	}
	for _, tt := range tests {
		if got := poolProgress(api.PoolUpgrade{Name: "p", Nodes: []api.NodeUpgrade{done, tt.node}}); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestPrintUpgrades(t *testing.T) {
	var out bytes.Buffer
	err := printUpgrades(&out, api.UpgradeProfile{KubernetesVersion: "1.36.3", Upgrades: []string{"1.37.2"}, Pools: []api.PoolProfile{
		{Name: "nodepool1", KubernetesVersion: "1.36.3", NodeImage: "old", LatestNodeImage: "new"},
	}})
	want := `WHAT                KUBERNETES  UPGRADES  NODE IMAGE
control plane       1.36.3      1.37.2    
nodepool/nodepool1  1.36.3      none      old (newest: new)
`
	if diff := cmp.Diff(want, out.String()); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}
