package node

import (
	"strings"
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
)

var demarc = commandtest.Group(Commands)

func TestIaaSCommands(t *testing.T) {
	vm := api.VM{
		Name: "aks-pool-1-vmss000000", Power: "PowerState/deallocated", Size: "Standard_D8s_v5", NodeImage: "img", ResourceGroup: "MC_rg",
		Tags: map[string]string{"team": "web", "a": "b"},
	}
	rule := api.NSGRule{Name: "no-443", Priority: 200, Direction: "Outbound", Access: "Deny", Protocol: "*", Ports: []string{"443"}, Destination: "Internet", Source: "*"}
	disk := api.Disk{
		Name: "pvc-1b4e28ba-2fa1-11d2-883f-0016d3cca427", SizeGiB: 128, SKU: "StandardSSD_LRS", Tier: "E10", Zone: "1", State: api.DiskAttached, VM: vm.Name, Claim: "default/data-db-0",
	}
	orphan := api.Disk{Name: "pvc-2", SizeGiB: 4, SKU: "PremiumV2_LRS", State: api.DiskUnattached, Claim: "default/data", Orphan: true}
	balancer := api.AzureLoadBalancer{
		Name:   api.PublicBalancer,
		Rules:  []api.BalancerRule{{Name: "a1-TCP-80", Service: "default/shop", Address: "198.51.100.10", Port: 80, Protocol: "Tcp", IdleTimeout: 4, Probe: "a1-TCP-80"}},
		Probes: []api.BalancerProbe{{Name: "a1-TCP-80", Protocol: "Http", Port: 30080, Path: "/", Interval: 5, Threshold: 2}},
		Pool:   []api.BalancerMember{{VM: vm.Name, Up: []string{"a1-TCP-80"}}, {VM: "other", Down: []string{"a1-TCP-80"}}},
	}
	share := api.FileShare{Name: "pvc-3", Account: "f1b4e28ba2fa111d2883f00", QuotaGiB: 5, Used: 3 << 20, SKU: "Standard_LRS", Claim: "default/books", Orphan: true}
	route := api.AzureRoute{Name: "aks-pool-1-vmss000000", Prefix: "10.244.0.0/24", NextHopType: "VirtualAppliance", NextHop: "10.224.0.4", State: "Succeeded"}
	vnet := api.VirtualNetwork{
		Name: "aks-vnet-1", NetworkPlugin: api.NetworkKubenet, AddressSpace: "10.224.0.0/12",
		Subnets: []api.Subnet{{Name: "aks-subnet", Prefix: "10.224.0.0/16", RouteTable: "/x/routeTables/aks-agentpool-1-routetable", Addresses: 65531, Used: 3}},
	}
	home := commandtest.Engine(t, commandtest.Answers{
		"Shares":               []api.FileShare{share},
		"DoShare":              share,
		"Disks":                []api.Disk{disk, orphan},
		"DoDisk":               orphan,
		"LoadBalancers":        []api.AzureLoadBalancer{balancer},
		"DoLoadBalancer":       balancer,
		"Routes":               []api.AzureRoute{route},
		"DoRoute":              route,
		"VirtualNetwork":       vnet,
		"VMs":                  []api.VM{vm},
		"DoVM":                 vm,
		"NSG":                  []api.NSGRule{rule},
		"SetNSGRule":           rule,
		"DeleteNSGRule no-443": struct{}{},
	})
	const warning = "demarc: changes by IaaS APIs void support\n"
	demarc.Check(t, home, []commandtest.Case{
		{"iaas vm list", command.Held, "aks-pool-1-vmss000000  PowerState/deallocated  Standard_D8s_v5  img    MC_rg  a=b,team=web\n", ""},
		{"iaas vm list -o json", command.Held, `"power": "PowerState/deallocated"`, ""},
		{"iaas vm deallocate 0", command.Held, "deallocate aks-pool-1-vmss000000: PowerState/deallocated\n", warning},
		{"iaas vm delete 0 -o json", command.Held, `"resourceGroup": "MC_rg"`, ""},
		{"iaas vm delete 0", command.Held, "delete aks-pool-1-vmss000000: it is gone\n", warning},
		{"iaas vm resize 0 standard_d8s_v5", command.Held, "resize aks-pool-1-vmss000000: Standard_D8s_v5\n", warning},
		{"iaas vm tag 0 team=web a=b old=", command.Held, "tag aks-pool-1-vmss000000: a=b,team=web\n", warning},
		{"iaas disk list", command.Held, "pvc-1b4…83f-0016d3cca427  128 GiB  StandardSSD_LRS  E10   1     vmss000000  default/data-db-0\n" +
			"pvc-2                     4 GiB    PremiumV2_LRS    -     -     -           orphan of default/data\n", ""},
		{"iaas lb list", command.Held, "kubernetes     default/shop  198.51.100.10:80/Tcp  4m    Http:30080/ 5s x2  1/2\n", ""},
		{"iaas lb list -o json", command.Held, `"idleTimeout": 4`, ""},
		{"iaas lb delete-rule a1-TCP-80", command.Held, "delete-rule a1-TCP-80: kubernetes has 1 rules\n", warning},
		{"__complete iaas lb delete-rule ", command.Held, "a1-TCP-80\t198.51.100.10:80 of default/shop\n", ""},
		{"iaas route list", command.Held, "aks-pool-1-vmss000000  10.244.0.0/24  10.224.0.4  VirtualAppliance  Succeeded\n", ""},
		{"iaas route list -o json", command.Held, `"nextHopIpAddress": "10.224.0.4"`, ""},
		{"iaas route delete 0", command.Held, "delete aks-pool-1-vmss000000: nothing leads to 10.244.0.0/24 any more\n", warning},
		{"iaas vnet show", command.Held, "aks-vnet-1: 10.224.0.0/12, network plugin kubenet\n", ""},
		{"iaas vnet show", command.Held, "aks-subnet  10.224.0.0/16  65531      3     aks-agentpool-1-routetable\n", ""},
		{"iaas vnet show -o json", command.Held, `"addressSpace": "10.224.0.0/12"`, ""},
		{"iaas disk list -o json", command.Held, `"orphan": true`, ""},
		{"iaas disk create pvc-2 --size-gb 4 --sku premiumv2_lrs", command.Held, "create pvc-2: 4 GiB, PremiumV2_LRS\n", warning},
		{"iaas disk detach claim:default/data", command.Held, "detach pvc-2: Unattached\n", warning},
		{"iaas disk resize pvc-2 4", command.Held, "resize pvc-2: 4 GiB, PremiumV2_LRS\n", warning},
		{"iaas disk delete pvc-2", command.Held, "delete pvc-2: it is gone\n", warning},
		{"iaas disk delete pvc-2 -o json", command.Held, `"sku": "PremiumV2_LRS"`, ""},
		{"__complete iaas disk delete ", command.Held, "pvc-2\t4 GiB, Unattached default/data\n", ""},
		{"__complete iaas disk create x --sku Prem", command.Held, "PremiumV2_LRS\n", ""},
		{"__complete iaas disk create x --zone ", command.Held, "3\n", ""},
		{"iaas disk --help", command.Held, "claim:NAMESPACE/NAME", ""},
		{"iaas share list", command.Held, "pvc-3  f1b4…1d2883f00  5 GiB  3.0 MiB  Standard_LRS  orphan of default/books\n", ""},
		{"iaas share list -o json", command.Held, `"quotaGiB": 5`, ""},
		{"iaas share delete claim:default/books", command.Held, "delete pvc-3: it is gone\n", warning},
		{"iaas share resize claim:default/books 5", command.Held, "resize pvc-3: 5 GiB, Standard_LRS\n", warning},
		{"iaas share resize claim:default/books x", command.BadRequest, "", `"x" is no size: want a whole number of GiB`},
		{"__complete iaas share delete ", command.Held, "f1b4e28ba2fa111d2883f00/pvc-3\t5 GiB default/books\n", ""},
		{"iaas nsg list", command.Held, "no-443  200       Outbound   Deny    *         443    *     Internet\n", ""},
		{"iaas nsg list --include-default", command.Held, "DenyAllOutBound ", ""},
		{"iaas nsg set no-443 --priority 200 --port 443 --to internet", command.Held, "no-443  200 ", warning},
		{"iaas nsg set no-443 --priority 200 -o json", command.Held, `"destination": "Internet"`, ""},
		{"iaas nsg delete no-443", command.Held, "", "deleted no-443\n"},
		{"iaas nsg delete other", command.BadRequest, "", "no /v1/iaas/nsg/other"},
		{"__complete iaas nsg delete ", command.Held, "no-443\tDeny Outbound, priority 200\n", ""},
		{"__complete iaas vm resize 0 Standard_E", command.Held, "Standard_E4s_v5\n", ""},
		{"__complete iaas nsg set x --to ", command.Held, "MicrosoftContainerRegistry\n", ""},
		{"iaas vm --help", command.Held, "void support (policy 2019-04)", ""},
		{"iaas nsg set --help", command.Held, "void support (policy 2019-04)", ""},
	})
	for _, args := range []string{"iaas vm list", "iaas vm delete 0 -o json", "iaas nsg list", "iaas nsg set no-443 --priority 200 -o json", "iaas nsg delete no-443"} {
		if _, _, errout := demarc.Run(t, home, strings.Fields(args)...); strings.Contains(errout, warning) {
			t.Errorf("%s: told %q", args, errout)
		}
	}
	if _, _, errout := demarc.Run(t, home, "--as", "provider", "iaas", "vm", "stop", "0"); errout != "" {
		t.Errorf("the provider is told %q", errout)
	}
}

func TestIaaSBadInput(t *testing.T) {
	demarc.Refuse(t, []commandtest.Refused{
		{"iaas vn", `did you mean "vm"?`},
		{"iaas vm stopp 0", `did you mean "stop"?`},
		{"iaas vm stop", "accepts 1 arg"},
		{"iaas vm stop 0", "make one with: demarc up"},
		{"iaas vm resize 0 Standard_D8_v5", `did you mean "Standard_D8s_v5"?`},
		{"iaas vm tag 0", "requires at least 2 arg"},
		{"iaas vm tag 0 team", "want NAME=VALUE"},
		{"iaas disk delte x", `did you mean "delete"?`},
		{"iaas disk create x", "give --size-gb"},
		{"iaas disk create x --size-gb 0", "(InvalidParameter)"},
		{"iaas disk create x --size-gb 4 --sku Premium_LSR", `did you mean "Premium_LRS"?`},
		{"iaas disk create x --size-gb 4 --zone 4", "(InvalidAvailabilityZone)"},
		{"iaas disk create claim:a/b --size-gb 4", "The entity name 'claim:a/b' is invalid"},
		{"iaas disk create x --size-gb 4", "make one with: demarc up"},
		{"iaas disk resize x", "accepts 2 arg"},
		{"iaas disk resize x 8Gi", "want a whole number of GiB"},
		{"iaas disk resize x 40000", "(InvalidParameter)"},
		{"iaas disk detach", "accepts 1 arg"},
		{"iaas nsg set x", "give --priority 100 to 4096"},
		{"iaas nsg set x --priority 99", "Allowed range 100-4096"},
		{"iaas nsg set x --priority 100 --port https", "(SecurityRuleInvalidPortRange)"},
		{"iaas nsg set x --priority 100 --to Internt", `did you mean "Internet"?`},
		{"iaas nsg set x --priority 100", "make one with: demarc up"},
		{"iaas nsg delete", "accepts 1 arg"},
	})
}
