package cloud

import (
	"net/netip"

	"demarc/sim/api"
)

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

// SubnetUse is a subnet, and how many addresses of it somebody has.
type SubnetUse struct {
	Prefix netip.Prefix
	Used   int
}

// Network is the virtual network of a cluster with some plugin. The pods' subnet has no prefix
// if there is none.
func (n NetworkNames) Network(plugin api.NetworkPlugin, nodes, pods SubnetUse) api.VirtualNetwork {
	v := api.VirtualNetwork{Name: "aks-vnet-" + n.Digits, NetworkPlugin: api.NetworkPlugin(plugin.String()), AddressSpace: api.AddressSpace.String()}
	v.ID = n.id("virtualNetworks", v.Name)
	subnet := func(name string, u SubnetUse) api.Subnet {
		return api.Subnet{
			Name: name, ID: v.ID + "/subnets/" + name, Prefix: u.Prefix.String(), SecurityGroup: n.SecurityGroup(),
			Addresses: api.Addresses(u.Prefix), Used: u.Used,
		}
	}
	v.Subnets = []api.Subnet{subnet(api.NodeSubnet, nodes)}
	if plugin.Routes() {
		v.Subnets[0].RouteTable = n.RouteTable()
	}
	if pods.Prefix.IsValid() {
		v.Subnets = append(v.Subnets, subnet(api.PodSubnet, pods))
	}
	return v
}
