package main

import (
	"strings"
	"testing"

	"demarc/sim/api"
)

func TestIaaSCommands(t *testing.T) {
	vm := api.VM{
		Name: "aks-pool-1-vmss000000", Power: "PowerState/deallocated", Size: "Standard_D8s_v5", NodeImage: "img", ResourceGroup: "MC_rg",
		Tags: map[string]string{"team": "web", "a": "b"},
	}
	rule := api.NSGRule{Name: "no-443", Priority: 200, Direction: "Outbound", Access: "Deny", Protocol: "*", Ports: []string{"443"}, Destination: "Internet", Source: "*"}
	home := fakeEngine(t, map[string]func() any{
		"GET " + api.PathVMs:                     always([]api.VM{vm}),
		"POST " + api.PathVMs:                    always(vm),
		"GET " + api.PathNSG:                     always([]api.NSGRule{rule}),
		"POST " + api.PathNSG:                    always(rule),
		"DELETE " + api.PathNSG + "/" + "no-443": always(struct{}{}),
	})
	const warning = "demarc: changes by IaaS APIs void support\n"
	for _, c := range []struct {
		args       string
		code       int
		out, error string
	}{
		{"iaas vm list", exitHeld, "aks-pool-1-vmss000000  PowerState/deallocated  Standard_D8s_v5  img    MC_rg  a=b,team=web\n", ""},
		{"iaas vm list -o json", exitHeld, `"power": "PowerState/deallocated"`, ""},
		{"iaas vm deallocate 0", exitHeld, "deallocate aks-pool-1-vmss000000: PowerState/deallocated\n", warning},
		{"iaas vm delete 0 -o json", exitHeld, `"resourceGroup": "MC_rg"`, ""},
		{"iaas vm delete 0", exitHeld, "delete aks-pool-1-vmss000000: it is gone\n", warning},
		{"iaas vm resize 0 standard_d8s_v5", exitHeld, "resize aks-pool-1-vmss000000: Standard_D8s_v5\n", warning},
		{"iaas vm tag 0 team=web a=b old=", exitHeld, "tag aks-pool-1-vmss000000: a=b,team=web\n", warning},
		{"iaas nsg list", exitHeld, "no-443  200       Outbound   Deny    *         443    *     Internet\n", ""},
		{"iaas nsg list --include-default", exitHeld, "DenyAllOutBound ", ""},
		{"iaas nsg set no-443 --priority 200 --port 443 --to internet", exitHeld, "no-443  200 ", warning},
		{"iaas nsg set no-443 --priority 200 -o json", exitHeld, `"destination": "Internet"`, ""},
		{"iaas nsg delete no-443", exitHeld, "", "deleted no-443\n"},
		{"iaas nsg delete other", exitInput, "", "no /v1/iaas/nsg/other"},
		{"__complete iaas nsg delete ", exitHeld, "no-443\tDeny Outbound, priority 200\n", ""},
		{"__complete iaas vm resize 0 Standard_E", exitHeld, "Standard_E4s_v5\n", ""},
		{"__complete iaas nsg set x --to ", exitHeld, "MicrosoftContainerRegistry\n", ""},
		{"iaas vm --help", exitHeld, "void support (policy 2019-04)", ""},
		{"iaas nsg set --help", exitHeld, "void support (policy 2019-04)", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errout := runIn(t, home, strings.Split(c.args, " ")...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) || c.error == "" && strings.Contains(errout, warning) {
				t.Errorf("got %d\n%q\n%q\nwant %d\n%q\n%q", code, out, errout, c.code, c.out, c.error)
			}
		})
	}
	if _, _, errout := runIn(t, home, "--as", "provider", "iaas", "vm", "stop", "0"); errout != "" {
		t.Errorf("the provider is told %q", errout)
	}
}

func TestIaaSBadInput(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"iaas vn", `did you mean "vm"?`},
		{"iaas vm stopp 0", `did you mean "stop"?`},
		{"iaas vm stop", "accepts 1 arg"},
		{"iaas vm stop 0", "make one with: demarc up"},
		{"iaas vm resize 0 Standard_D8_v5", `did you mean "Standard_D8s_v5"?`},
		{"iaas vm tag 0", "requires at least 2 arg"},
		{"iaas vm tag 0 team", "want NAME=VALUE"},
		{"iaas nsg set x", "give --priority 100 to 4096"},
		{"iaas nsg set x --priority 99", "Allowed range 100-4096"},
		{"iaas nsg set x --priority 100 --port https", "(SecurityRuleInvalidPortRange)"},
		{"iaas nsg set x --priority 100 --to Internt", `did you mean "Internet"?`},
		{"iaas nsg set x --priority 100", "make one with: demarc up"},
		{"iaas nsg delete", "accepts 1 arg"},
	} {
		code, out, errout := runCLI(t, strings.Fields(c.args)...)
		if code != exitInput || out != "" || !strings.Contains(errout, c.want) || strings.Count(errout, "\n") != 1 {
			t.Errorf("%s: got %d, %q, %q, want one line with %q", c.args, code, out, errout, c.want)
		}
	}
}
