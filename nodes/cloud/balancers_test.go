package cloud

import (
	"net/netip"
	"strings"
	"sync"
	"testing"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

func testBalancers() *Balancers {
	return NewBalancers(new(sync.Mutex), timeline.New(), "/subscriptions/x/resourceGroups/MC_a", "westeurope", &NSG{}, func(a netip.Addr) string {
		if a == netip.MustParseAddr("10.224.0.4") {
			return "vmss000000"
		}
		return ""
	})
}

func spec(name string, ports ...int32) BalancerSpec {
	s := BalancerSpec{Service: "default/" + name, Base: "a" + name, Access: Access{Tags: []string{Internet}}}
	for _, p := range ports {
		s.Rules = append(s.Rules, api.BalancerRule{Name: "a" + name + "-TCP-" + portTexts([]int32{p})[0], Port: p, Protocol: TCP, Probe: "p"})
	}
	s.Probes = []api.BalancerProbe{{Name: "p", Protocol: "Tcp", Port: 30080, Interval: 5, Threshold: 2}}
	return s
}

func ensure(t *testing.T, b *Balancers, s BalancerSpec) string {
	t.Helper()
	address, err := b.Ensure(s)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// What a Service has goes with it: its rules, those of the security group, its address.
func TestBalancerComesAndGoes(t *testing.T) {
	b := testBalancers()
	first, second := ensure(t, b, spec("one", 80)), ensure(t, b, spec("two", 80))
	if first == second || len(b.nsg.ServiceRules()) != 1 || b.nsg.ServiceRules()[0].Destination != first+","+second {
		t.Errorf("two Services of one port have %s and %s, with the rules %v", first, second, b.nsg.ServiceRules())
	}
	at := netip.AddrPortFrom(netip.MustParseAddr(first), 80)
	if rule, probe, internal := b.Rule(at, false); rule == nil || rule.Service != "default/one" || probe == nil || probe.Port != 30080 || internal {
		t.Errorf("got rule %v, probe %v", rule, probe)
	}
	saved, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}
	again := testBalancers()
	if err := again.Load(saved); err != nil {
		t.Fatal(err)
	}
	if rule, _, _ := again.Rule(at, false); rule == nil || again.fingerprint() != b.fingerprint() {
		t.Error("what was saved is not what was loaded")
	}
	for _, s := range []string{"default/one", "default/two"} {
		if had, err := b.Remove(s); err != nil || !had {
			t.Errorf("remove %s: %v, %v", s, had, err)
		}
	}
	if len(b.List()) != 0 || len(b.ips) != 0 || len(b.nsg.ServiceRules()) != 0 {
		t.Errorf("left: %v, %v, %v", b.List(), b.ips, b.nsg.ServiceRules())
	}
}

// What cannot be had is said in Azure's words, and changes nothing.
func TestBalancerMistakes(t *testing.T) {
	b := testBalancers()
	address := ensure(t, b, spec("one", 80))
	before := b.fingerprint()
	for want, change := range map[string]func(*BalancerSpec){
		"user supplied IP Address 20.1.2.3 was not found in resource group MC_a":                         func(s *BalancerSpec) { s.Address = "20.1.2.3" },
		"PublicIP from annotation azure-pip-name(-IPv6)=mine for service default/two doesn't exist":      func(s *BalancerSpec) { s.PublicIP = "mine" },
		"was not found in resource group other":                                                          func(s *BalancerSpec) { s.Address, s.Group = address, "other" },
		"checkLoadBalancerResourcesConflicts: service port":                                              func(s *BalancerSpec) { s.Address = address },
		"does not belong to the range of subnet prefix 10.224.0.0/16":                                    func(s *BalancerSpec) { s.Internal, s.Address = true, "10.1.0.9" },
		"falls within reserved IP range of subnet prefix":                                                func(s *BalancerSpec) { s.Internal, s.Address = true, "10.224.0.1" },
		"is using the private IP address 10.224.0.4 which is already allocated to resource /subscriptio": func(s *BalancerSpec) { s.Internal, s.Address = true, "10.224.0.4" },
	} {
		s := spec("two", 80)
		change(&s)
		if _, err := b.Ensure(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	b.Break(ErrInternal)
	if _, err := b.Ensure(spec("two", 80)); err == nil {
		t.Error("the cloud fails: a load balancer")
	}
	if _, err := b.Remove("default/one"); err == nil {
		t.Error("the cloud fails: no load balancer any more")
	}
	b.Break(nil)
	if b.fingerprint() != before {
		t.Error("what was refused has changed something")
	}
	shared := spec("two", 81)
	shared.Address = address
	if got := ensure(t, b, shared); got != address {
		t.Errorf("another port of the address %s: got %s", address, got)
	}
}

// A rule that was deleted past AKS is gone, until AKS looks at the Service again.
func TestBalancerEdited(t *testing.T) {
	b := testBalancers()
	at := netip.AddrPortFrom(netip.MustParseAddr(ensure(t, b, spec("one", 80))), 80)
	for _, wrong := range []string{"aone-TCP-81", "service:default/two"} {
		if _, err := b.Do(api.BalancerRequest{Action: api.BalancerDeleteRule, Rule: wrong}, timeline.Customer); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
	l, err := b.Do(api.BalancerRequest{Action: api.BalancerDeleteRule, Rule: "aone-tcp-80"}, timeline.Customer)
	if rule, _, _ := b.Rule(at, false); err != nil || rule != nil || len(l.Rules) != 0 || !l.Frontends[0].Edited {
		t.Errorf("deleted: got %v, %+v and the rule %v", err, l, rule)
	}
	ensure(t, b, spec("one", 80))
	if rule, _, _ := b.Rule(at, false); rule == nil || b.List()[0].Frontends[0].Edited {
		t.Error("AKS has looked again: want the rule")
	}
}
