package cloud

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// table is an empty route table with its lock and its timeline.
func table() (*Routes, *sync.Mutex, *timeline.Log) {
	lock, log := &sync.Mutex{}, timeline.New()
	return NewRoutes(lock, log, NetworkNames{Group: "/groups/mc", Digits: "12345678"}.RouteTable()), lock, log
}

// said are the events of a timeline.
func said(log *timeline.Log) (list []string) {
	events, _ := log.Since(0)
	for _, e := range events {
		list = append(list, fmt.Sprintf("%s %s %s because of %d", e.Actor, e.Verb, e.Subject, e.Cause))
	}
	return list
}

// TestRoutes makes routes, deletes one past AKS, and makes it again.
func TestRoutes(t *testing.T) {
	r, lock, log := table()
	prefix, hop := netip.MustParsePrefix("10.244.0.0/24"), netip.MustParseAddr("10.224.0.4")
	leads := func() bool {
		lock.Lock()
		defer lock.Unlock()
		return r.Lead("a", prefix, hop)
	}
	changes := 0
	r.Changed = func() { changes++ }
	if err := r.Ensure("a", prefix.String(), hop.String()); err != nil || !leads() {
		t.Fatalf("%v, leads %t", err, leads())
	}
	want := api.AzureRoute{
		Name: "a", ID: "/groups/mc/providers/Microsoft.Network/routeTables/aks-agentpool-12345678-routetable/routes/a",
		Prefix: "10.244.0.0/24", NextHopType: "VirtualAppliance", NextHop: "10.224.0.4", State: "Succeeded",
	}
	if got := r.List(); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if x, err := r.Do(api.RouteRequest{Action: api.RouteDelete, Route: "a"}, timeline.Customer); err != nil || x != want || leads() {
		t.Errorf("deleted %+v, %v, leads %t", x, err, leads())
	}
	for _, wrong := range []api.RouteRequest{{Action: api.RouteDelete, Route: "a"}, {Action: "make", Route: "a"}} {
		if _, err := r.Do(wrong, timeline.Customer); err == nil {
			t.Errorf("%+v was done", wrong)
		}
	}
	for range 2 {
		if err := r.Ensure("a", prefix.String(), hop.String()); err != nil || !leads() {
			t.Errorf("%v, leads %t", err, leads())
		}
	}
	if got := strings.Join(said(log), "; "); got != "customer deleted route/a because of 0; provider restored route/a because of 1" {
		t.Errorf("the timeline says %s", got)
	}
	if err := r.Remove("a"); err != nil || len(r.List()) != 0 || changes != 5 {
		t.Errorf("%v, %d left, %d changes", err, len(r.List()), changes)
	}
}

// TestTooManyRoutes fills a table.
func TestTooManyRoutes(t *testing.T) {
	r, _, _ := table()
	for i := range api.MaxRoutes {
		if err := r.Ensure(fmt.Sprint(i), "10.244.0.0/24", "10.224.0.4"); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Ensure("x", "10.244.0.0/24", "10.224.0.4"); !api.HasCode(err, "RouteTableLimitReached") {
		t.Errorf("one too many: %v", err)
	}
	if err := r.Ensure("0", "10.244.1.0/24", "10.224.0.4"); err != nil {
		t.Errorf("one that is there: %v", err)
	}
}

// TestBrokenRoutes has every call fail.
func TestBrokenRoutes(t *testing.T) {
	r, _, _ := table()
	r.Break(ErrRoutesThrottled)
	_, read := r.Read()
	_, do := r.Do(api.RouteRequest{Action: api.RouteDelete, Route: "a"}, timeline.Customer)
	for what, err := range map[string]error{"read": read, "do": do, "ensure": r.Ensure("a", "10.244.0.0/24", "10.224.0.4"), "remove": r.Remove("a")} {
		if err != ErrRoutesThrottled {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSavedRoutes puts back what was saved, with a deleted route whose node then goes.
func TestSavedRoutes(t *testing.T) {
	r, _, log := table()
	for _, name := range []string{"a", "b"} {
		if err := r.Ensure(name, "10.244.0.0/24", "10.224.0.4"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Do(api.RouteRequest{Action: api.RouteDelete, Route: "b"}, timeline.Provider); err != nil {
		t.Fatal(err)
	}
	data, err := r.Save()
	if err != nil {
		t.Fatal(err)
	}
	again := NewRoutes(&sync.Mutex{}, log, r.id)
	if err := again.Load(data); err != nil || len(again.List()) != 1 {
		t.Fatalf("%v, %v", err, again.List())
	}
	again.Forget("a")
	again.Forget("b")
	if got := strings.Join(said(log), "; "); got != "provider deleted route/b because of 0; provider removed route/b because of 1" {
		t.Errorf("the timeline says %s", got)
	}
	for _, wrong := range []string{`{`, `{"routes":[{"name":"a"}]}`, `{"routes":[{"addressPrefix":"10.244.0.0/24"}]}`} {
		if err := again.Load([]byte(wrong)); err == nil {
			t.Errorf("read %s", wrong)
		}
	}
	if err := again.Load(nil); err != nil || len(again.List()) != 1 {
		t.Errorf("%v, %v", err, again.List())
	}
}

// TestVirtualNetwork looks at the network of each plugin.
func TestVirtualNetwork(t *testing.T) {
	n := NetworkNames{Group: "/groups/mc", Digits: "12345678"}
	nodes := SubnetUse{api.NodePrefix, 3}
	for plugin, table := range map[api.NetworkPlugin]string{"": "", api.NetworkAzureOverlay: "", api.NetworkKubenet: n.RouteTable()} {
		v := n.Network(plugin, nodes, SubnetUse{})
		if s := v.Subnets[0]; len(v.Subnets) != 1 || s.RouteTable != table || s.Addresses != 65531 || s.Used != 3 || s.ID != "/groups/mc/providers/Microsoft.Network/virtualNetworks/aks-vnet-12345678/subnets/aks-subnet" {
			t.Errorf("%q: %+v", plugin, s)
		}
		if v.NetworkPlugin.String() != plugin.String() || v.NetworkPlugin == "" {
			t.Errorf("%q: the network is %q", plugin, v.NetworkPlugin)
		}
	}
	v := n.Network(api.NetworkAzure, nodes, SubnetUse{netip.MustParsePrefix("10.225.0.0/27"), 20})
	if s := v.Subnets[1]; s.Name != "aks-podsubnet" || s.Prefix != "10.225.0.0/27" || s.Addresses != 27 || s.Used != 20 {
		t.Errorf("the pods' subnet is %+v", s)
	}
}
