package nodes

import (
	"strings"
	"testing"

	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/kubernetes/fake"
)

// quiet is a fleet that does not run.
func quiet(t *testing.T, cfg Config) *Fleet {
	t.Helper()
	cfg.ClusterName, cfg.KubeletVersion, cfg.Client = "test", "v1.37.2", fake.NewClientset()
	f, err := NewFleet(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPoolsAreKept(t *testing.T) {
	f := quiet(t, Config{Nodes: 2})
	batch := api.PoolShape{Size: "Standard_D2s_v5", Zones: []string{"1", "2"}, Taints: []string{"a=b:NoSchedule"}}.WithDefaults(api.ModeUser)
	f.SetPool("batch", batch)
	for key, pool := range map[string]string{"a": "batch", "b": "batch"} {
		if _, err := f.Add(key, pool, "v1.37.2", false, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Add("c", api.DefaultPool, "v1.37.2", false, 0); err != nil { // whose place in the networks batch has
		t.Fatal(err)
	}
	if _, err := f.Add("d", "nope", "v1.37.2", false, 0); err == nil {
		t.Error("a VM of a pool that is not there")
	}
	state, err := f.Save()
	if err != nil {
		t.Fatal(err)
	}
	again := quiet(t, Config{Nodes: 2, State: state})
	if d := cmp.Diff(f.Machines(), again.Machines()); d != "" {
		t.Errorf("machines (-before +after):\n%s", d)
	}
	if d := cmp.Diff(f.named(f.NodeNames()[2]).IP.String(), again.named(f.NodeNames()[2]).IP.String()); d != "" {
		t.Errorf("address (-before +after):\n%s", d)
	}
	if got := again.Zones(); !cmp.Equal(got, batch.Zones) {
		t.Errorf("zones: got %v", got)
	}
	if got := again.named(again.PoolNodes("batch")[1]); got.Zone() != "2" || got.Size != "Standard_D2s_v5" || !cmp.Equal(got.Shape, batch) {
		t.Errorf("a machine of batch: %s, %s, %+v", got.Zone(), got.Size, got.Shape)
	}
	name, err := again.Add("e", "batch", "v1.37.2", false, 0)
	if err != nil || !strings.HasSuffix(name, "vmss000002") {
		t.Errorf("the next machine is %s, %v", name, err)
	}
}

func TestNamesOfNodesInPools(t *testing.T) {
	f := quiet(t, Config{Pools: []PoolConfig{
		{Name: api.DefaultPool, Nodes: 1, KubeletVersion: "v1.37.2"}, {Name: "batch", Nodes: 2, KubeletVersion: "v1.37.2"},
	}})
	for ref, want := range map[string]string{
		"0": "-nodepool1-", "vmss000000": "-nodepool1-", "batch-vmss000001": "-batch-", "1": "", "vmss000001": "", "nope-vmss000000": "", "": "",
	} {
		if name, ok := f.NodeName(ref); ok != (want != "") || !strings.Contains(name, want) {
			t.Errorf("%q is %q, %v; want one of %s", ref, name, ok, want)
		}
	}
	if err := f.DeletePool("batch"); err == nil {
		t.Error("a scale set with VMs was deleted")
	}
	ips := map[string]bool{}
	for _, m := range f.machines() {
		ips[m.IP.String()] = true
	}
	if len(ips) != 3 {
		t.Errorf("the machines have the addresses %v", ips)
	}
}

func TestStateOfOnePoolIsRead(t *testing.T) {
	f := quiet(t, Config{Nodes: 9, Zones: []string{"1"}, State: []byte(`{"version":3,"next":5,"pool":[{"image":"AKSUbuntu-2204gen2containerd-202605.14.0","kubelet":"v1.37.2","instances":"0-1,4"}]}`)})
	if got := f.PoolNodes(api.DefaultPool); len(got) != 3 || f.named(got[2]).Zone() != "1" {
		t.Errorf("nodes %v", got)
	}
	if name, err := f.Add("k", api.DefaultPool, "v1.37.2", false, 0); err != nil || !strings.HasSuffix(name, "vmss000005") {
		t.Errorf("the next machine is %s, %v", name, err)
	}
}
