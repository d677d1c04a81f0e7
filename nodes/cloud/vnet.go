package cloud

import (
	"net/netip"

	"demarc/sim/api"
)

// Prefixes of the virtual network that AKS makes, and of its one subnet (Microsoft, "Use
// kubenet networking in AKS", 2026-08).
var (
	AddressSpace = netip.MustParsePrefix("10.224.0.0/12")
	NodePrefix   = netip.MustParsePrefix("10.224.0.0/16")
)

// reserved is how many addresses of each subnet Azure keeps for itself: the first four, and
// the last (MicrosoftDocs/azure-docs, virtual-networks-faq).
const reserved = 5

// NetworkNames are what AKS calls the resources of a cluster's network: all have the same
// eight digits, which the names of its nodes have, too.
type NetworkNames struct {
	Group  string // the resource ID of the resource group
	Digits string
}

func (n NetworkNames) id(kind, name string) string {
	return n.Group + "/providers/Microsoft.Network/" + kind + "/" + name
}

// SecurityGroup and RouteTable are the resource IDs of what is associated with the subnet.
func (n NetworkNames) SecurityGroup() string {
	return n.id("networkSecurityGroups", "aks-agentpool-"+n.Digits+"-nsg")
}

func (n NetworkNames) RouteTable() string {
	return n.id("routeTables", "aks-agentpool-"+n.Digits+"-routetable")
}

// Network is the virtual network of a cluster with some plugin, of whose node subnet
// somebody has that many addresses.
func (n NetworkNames) Network(plugin api.NetworkPlugin, used int) api.VirtualNetwork {
	const subnet = "aks-subnet"
	v := api.VirtualNetwork{Name: "aks-vnet-" + n.Digits, NetworkPlugin: api.NetworkPlugin(plugin.String()), AddressSpace: AddressSpace.String()}
	v.ID = n.id("virtualNetworks", v.Name)
	s := api.Subnet{
		Name: subnet, ID: v.ID + "/subnets/" + subnet, Prefix: NodePrefix.String(), SecurityGroup: n.SecurityGroup(),
		Addresses: 1<<(32-NodePrefix.Bits()) - reserved, Used: used,
	}
	if plugin.Routes() {
		s.RouteTable = n.RouteTable()
	}
	v.Subnets = []api.Subnet{s}
	return v
}
