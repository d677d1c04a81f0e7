package nodes

import (
	"fmt"
	"net/netip"
	"testing"

	"demarc/sim/api"
	"demarc/sim/timeline"

	"k8s.io/client-go/kubernetes/fake"
)

// TestNodeSubnet has machines reserve an address for each pod, until there is no room.
func TestNodeSubnet(t *testing.T) {
	cfg := Config{
		NetworkPlugin: api.NetworkAzure, Subnet: netip.MustParsePrefix("10.224.1.0/26"),
		Pools: []PoolConfig{{Name: api.DefaultPool, Shape: api.PoolShape{MaxPods: 20}, Nodes: 2, KubeletVersion: "v1.37.2"}},
	}
	f := quiet(t, cfg)
	first := f.NodeNames()[0]
	if got := fmt.Sprint(f.NodeIP(first), f.named(first).PodIPs[0], len(f.named(first).PodIPs), f.VirtualNetwork().Subnets[0].Used); got != "10.224.1.4 10.224.1.5 20 42" {
		t.Errorf("the first machine has %s", got)
	}
	if _, err := f.Add("a", api.DefaultPool, "v1.37.2", false, 0); !api.HasCode(err, "SubnetIsFull") || len(f.NodeNames()) != 2 {
		t.Errorf("a third machine: %v, %v", err, f.NodeNames())
	}
	if _, err := f.PowerOff("0", timeline.Customer); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove("r", first, 0); err != nil {
		t.Fatal(err)
	}
	name, err := f.Add("b", api.DefaultPool, "v1.37.2", false, 0)
	if err != nil || f.NodeIP(name).String() != "10.224.1.4" {
		t.Fatalf("one in its place: %v, %s", err, f.NodeIP(name))
	}
	state, err := f.Save()
	if err != nil {
		t.Fatal(err)
	}
	cfg.State = state
	again := quiet(t, cfg)
	for _, n := range f.NodeNames() {
		if was, is := fmt.Sprint(f.NodeIP(n), f.named(n).PodIPs), fmt.Sprint(again.NodeIP(n), again.named(n).PodIPs); was != is {
			t.Errorf("%s had %s, and has %s", n, was, is)
		}
	}
	if used := again.VirtualNetwork().Subnets[0].Used; used != 42 {
		t.Errorf("%d addresses are used", used)
	}
}

// TestPodSubnet has machines get a first batch of the pods' addresses, or what is left.
func TestPodSubnet(t *testing.T) {
	f := quiet(t, Config{Nodes: 3, NetworkPlugin: api.NetworkAzure, PodSubnet: netip.MustParsePrefix("10.225.0.0/27")})
	for i, want := range []int{16, 11, 0} {
		if got := len(f.named(f.NodeNames()[i]).PodIPs); got != want {
			t.Errorf("machine %d has %d addresses, want %d", i, got, want)
		}
	}
	if s := f.VirtualNetwork().Subnets; s[0].Used != 3 || s[1].Used != 27 {
		t.Errorf("used are %d and %d", s[0].Used, s[1].Used)
	}
}

// TestSmallSubnet gives machines of an overlay addresses of a subnet that is not AKS's.
func TestSmallSubnet(t *testing.T) {
	f := quiet(t, Config{Nodes: 3, Subnet: netip.MustParsePrefix("10.230.0.0/29")})
	if got := f.NodeIP(f.NodeNames()[2]).String(); got != "10.230.0.6" {
		t.Errorf("the third machine has %s", got)
	}
	if _, err := f.Add("a", api.DefaultPool, "v1.37.2", false, 0); !api.HasCode(err, "SubnetIsFull") {
		t.Errorf("a fourth machine: %v", err)
	}
	if _, err := NewFleet(Config{ClusterName: "test", Nodes: 4, Client: fake.NewClientset(), Subnet: netip.MustParsePrefix("10.230.0.0/29")}); !api.HasCode(err, "SubnetIsFull") {
		t.Errorf("four machines: %v", err)
	}
}
