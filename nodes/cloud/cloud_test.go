package cloud

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
)

func deny(name string, priority int, destination string, ports ...string) api.NSGRule {
	return api.NSGRule{Name: name, Priority: priority, Direction: Outbound, Access: Deny, Protocol: "Tcp", Ports: ports, Destination: destination, Source: Any}
}

func group(t *testing.T, rules ...api.NSGRule) *NSG {
	t.Helper()
	g := &NSG{}
	for _, r := range rules {
		if err := g.Set(r); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// TestRequiredEndpoints says for some groups which endpoints nodes cannot reach.
func TestRequiredEndpoints(t *testing.T) {
	allow := deny("let-mcr", 100, "MicrosoftContainerRegistry", "443")
	allow.Access = Allow
	udp := deny("no-udp", 200, Any, "*")
	udp.Protocol = "Udp"
	dns := deny("no-dns", 200, "AzurePlatformDNS", "53")
	dns.Protocol = Any
	inbound := deny("no-way-in", 100, Any, "443")
	inbound.Direction = Inbound
	for _, c := range []struct {
		name  string
		rules []api.NSGRule
		want  string
	}{
		{"no rules", nil, ""},
		{"443 to the internet", []api.NSGRule{deny("no-443", 200, Internet, "443")},
			"api-server by no-443, mcr by no-443, mcr-data by no-443, management by no-443, login by no-443, packages by no-443, aks-packages by no-443"},
		{"443 but for the registry", []api.NSGRule{deny("no-443", 200, Any, "400-500"), allow},
			"api-server by no-443, management by no-443, login by no-443, packages by no-443, aks-packages by no-443"},
		{"the allowing rule comes too late", []api.NSGRule{deny("no-443", 100, Internet, "443"), func() api.NSGRule { r := allow; r.Priority = 4096; return r }()},
			"api-server by no-443, mcr by no-443, mcr-data by no-443, management by no-443, login by no-443, packages by no-443, aks-packages by no-443"},
		{"the registry", []api.NSGRule{deny("no-mcr", 200, "microsoftcontainerregistry", "443")}, "mcr by no-mcr, mcr-data by no-mcr"},
		{"Azure's cloud", []api.NSGRule{deny("no-azure", 200, AzureCloud, "*")}, "api-server by no-azure"},
		{"Azure's cloud in a region", []api.NSGRule{deny("no-azure", 200, "AzureCloud.WestEurope", "*")}, "api-server by no-azure"},
		{"Azure's cloud in another region", []api.NSGRule{deny("no-azure", 200, "AzureCloud.northeurope", "*")}, ""},
		{"another port", []api.NSGRule{deny("no-80", 200, Any, "80", "8000-8999")}, ""},
		{"every address", []api.NSGRule{deny("no-v4", 200, "0.0.0.0/0", "443")},
			"api-server by no-v4, mcr by no-v4, mcr-data by no-v4, management by no-v4, login by no-v4, packages by no-v4, aks-packages by no-v4"},
		{"some addresses", []api.NSGRule{deny("no-ten", 200, "10.0.0.0/8", "443")}, ""},
		{"UDP: Azure's DNS is below the group", []api.NSGRule{udp}, "ntp by no-udp"},
		{"Azure's DNS by its tag", []api.NSGRule{dns}, "dns by no-dns"},
		{"inbound only", []api.NSGRule{inbound}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := group(t, c.rules...)
			var blocked []string
			for _, e := range Required("westeurope") {
				if rule, ok := g.Outbound(e.Protocol, e.Port, e); !ok {
					blocked = append(blocked, e.Name+" by "+rule)
				}
			}
			if got := strings.Join(blocked, ", "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestDecisions(t *testing.T) {
	prefixRule := deny("no-host", 300, "203.0.113.0/24", "443")
	lb := api.NSGRule{Name: "lb", Priority: 500, Direction: "inbound", Access: "allow", Protocol: "tcp", Ports: []string{"80"}, Source: "internet"}
	g := group(t, prefixRule, lb)
	for _, c := range []struct {
		name     string
		decide   func(string, int, Endpoint) (string, bool)
		protocol string
		port     int
		peer     Endpoint
		rule     string
		allowed  bool
	}{
		{"an address in the prefix", g.Outbound, "tcp", 443, Endpoint{Tags: []string{Internet}, Address: netip.MustParseAddr("203.0.113.1")}, "no-host", false},
		{"an address outside", g.Outbound, "tcp", 443, Endpoint{Tags: []string{Internet}, Address: netip.MustParseAddr("203.0.114.1")}, "AllowInternetOutBound", true},
		{"the network itself", g.Outbound, "udp", 53, Endpoint{Tags: []string{VirtualNetwork}}, "AllowVnetOutBound", true},
		{"neither", g.Outbound, "Tcp", 443, Endpoint{}, "DenyAllOutBound", false},
		{"the platform", g.Outbound, "Udp", 53, Endpoint{Platform: true}, "", true},
		{"from the internet", g.Inbound, "Tcp", 80, Endpoint{Tags: []string{Internet}}, "lb", true},
		{"from the internet, by another protocol", g.Inbound, "Udp", 80, Endpoint{Tags: []string{Internet}}, "DenyAllInBound", false},
		{"from the internet, to another port", g.Inbound, "Tcp", 22, Endpoint{Tags: []string{Internet}}, "DenyAllInBound", false},
		{"from the network", g.Inbound, "Tcp", 10250, Endpoint{Tags: []string{VirtualNetwork}}, "AllowVnetInBound", true},
		{"from the load balancer", g.Inbound, "Tcp", 30000, Endpoint{Tags: []string{AzureLoadBalancer}}, "AllowAzureLoadBalancerInBound", true},
	} {
		if rule, allowed := c.decide(c.protocol, c.port, c.peer); rule != c.rule || allowed != c.allowed {
			t.Errorf("%s: got %q, %v, want %q, %v", c.name, rule, allowed, c.rule, c.allowed)
		}
	}
}

func TestBadRules(t *testing.T) {
	good := deny("no-443", 200, Internet, "443")
	for _, c := range []struct {
		change     func(*api.NSGRule)
		code, text string
	}{
		{func(r *api.NSGRule) { r.Priority = 99 }, "SecurityRuleInvalidPriority", "Value provided: 99 Allowed range 100-4096."},
		{func(r *api.NSGRule) { r.Priority = 4097 }, "SecurityRuleInvalidPriority", "4097"},
		{func(r *api.NSGRule) { r.Name = "other" }, "SecurityRuleConflict", "Security rule other conflicts with rule no-443. Rules cannot have the same Priority and Direction."},
		{func(r *api.NSGRule) { r.Name = "" }, "InvalidResourceName", "up to 80 characters"},
		{func(r *api.NSGRule) { r.Name = "-x" }, "InvalidResourceName", "must begin with a word character"},
		{func(r *api.NSGRule) { r.Name = strings.Repeat("x", 81) }, "InvalidResourceName", "up to 80"},
		{func(r *api.NSGRule) { r.Name = "denyalloutbound" }, "InvalidRequest", "cannot be changed"},
		{func(r *api.NSGRule) { r.Direction = "outbund" }, "InvalidRequestFormat", `did you mean "Outbound"?`},
		{func(r *api.NSGRule) { r.Access = "" }, "InvalidRequestFormat", "Allow, Deny"},
		{func(r *api.NSGRule) { r.Protocol = "http" }, "InvalidRequestFormat", "Tcp, Udp"},
		{func(r *api.NSGRule) { r.Ports = []string{"80,443"} }, "SecurityRuleInvalidPortRange", "Value provided: 80,443."},
		{func(r *api.NSGRule) { r.Ports = []string{"443", "500-400"} }, "SecurityRuleInvalidPortRange", "500-400"},
		{func(r *api.NSGRule) { r.Ports = []string{"65536"} }, "SecurityRuleInvalidPortRange", "0-65535"},
		{func(r *api.NSGRule) { r.Destination = "Internt" }, "SecurityRuleInvalidAddressPrefix", `Value provided: Internt (did you mean "Internet"?)`},
		{func(r *api.NSGRule) { r.Source = "20.20.20.20/16" }, "SecurityRuleInvalidAddressPrefix", "20.20.20.20/16"},
	} {
		g := group(t, good)
		r := good
		c.change(&r)
		err := g.Set(r)
		e := (*api.Error)(nil)
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: got %v, want %s: %s", r, err, c.code, c.text)
		}
		if diff := cmp.Diff([]api.NSGRule{good}, g.Rules()); diff != "" {
			t.Errorf("after a refusal (-want +got):\n%s", diff)
		}
	}
}

// TestRulesChange checks replacement, order, deletion and that nothing is shared.
func TestRulesChange(t *testing.T) {
	in := api.NSGRule{Name: "in", Priority: 200, Direction: "inbound", Access: "allow"}
	g := group(t, deny("b", 200, Internet, "443"), deny("a", 150, Internet, "443"), in, deny("B", 100, Internet, "80"))
	in = api.NSGRule{Name: "in", Priority: 200, Direction: Inbound, Access: Allow, Protocol: Any, Ports: []string{Any}, Source: Any, Destination: Any}
	want := []api.NSGRule{in, deny("B", 100, Internet, "80"), deny("a", 150, Internet, "443")}
	g.Rules()[1].Ports[0] = "1"
	if diff := cmp.Diff(want, g.Rules()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	saved, err := g.Save()
	if err != nil {
		t.Fatal(err)
	}
	other := &NSG{}
	if err := other.Load(saved); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, other.Rules()); diff != "" {
		t.Errorf("loaded rules (-want +got):\n%s", diff)
	}
	if err := g.Delete("A"); err != nil || len(g.Rules()) != 2 {
		t.Errorf("delete: got %v and %+v", err, g.Rules())
	}
	for name, text := range map[string]string{"aa": "(NotFound) The security rule aa was not found", "AllowVnetOutBound": "cannot be changed", "inn": `did you mean "in"?`} {
		if err := g.Delete(name); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("delete %s: got %v, want %q", name, err, text)
		}
	}
	for _, bad := range []string{"{", `[{"name": "x", "priority": 1}]`} {
		if err := other.Load([]byte(bad)); err == nil || len(other.Rules()) != 3 {
			t.Errorf("load of %s: got %v and %d rules", bad, err, len(other.Rules()))
		}
	}
}

func TestSizes(t *testing.T) {
	for name, want := range map[string]string{"Standard_D8s_v5": "Standard_D8s_v5", "standard_ds2_v2": "Standard_DS2_v2"} {
		if got, err := Size(name); err != nil || got != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"Standard_D8_v5": `did you mean "Standard_D8s_v5"?`, "B2ms": `did you mean "Standard_B2ms"?`, "huge": "The value huge provided for the VM size is not valid", "": "Standard_D4s_v5",
	} {
		if _, err := Size(name); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: got %v, want %q", name, err, text)
		}
	}
}
