package api

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// NetworkPlugin is where pods have their addresses from, in the words of az aks create
// --network-plugin, and --network-plugin-mode behind a dash; azure-overlay if empty.
type NetworkPlugin string

// Network plugins (Microsoft, "CNI networking overview for AKS", 2026-08).
const (
	// NetworkKubenet gives each node a range of its own, to which a route of the subnet's
	// route table leads.
	NetworkKubenet NetworkPlugin = "kubenet"
	// NetworkAzure gives pods addresses of the virtual network: of the nodes' subnet, where
	// each node has as many as it can have pods from its beginning, or of a subnet of their
	// own, where nodes have some more when they need them.
	NetworkAzure NetworkPlugin = "azure"
	// NetworkAzureOverlay gives each node a range of its own that the platform knows.
	NetworkAzureOverlay NetworkPlugin = "azure-overlay"
)

// NetworkPlugins are all of them.
var NetworkPlugins = []string{string(NetworkAzure), string(NetworkAzureOverlay), string(NetworkKubenet)}

func (p NetworkPlugin) String() string { return cmp.Or(string(p), string(NetworkAzureOverlay)) }

// Routes says whether packets to the pods of another node need a route of the route table.
func (p NetworkPlugin) Routes() bool { return p == NetworkKubenet }

// MaxRoutes is how many routes a route table has at most, so that a cluster with kubenet has
// no more nodes (Microsoft, "Use kubenet networking in AKS", 2026-08).
const MaxRoutes = 400

// ParseNetworkPlugin reads the name of a plugin. The error is in the words of az.
func ParseNetworkPlugin(s string) (NetworkPlugin, error) {
	if !slices.Contains(NetworkPlugins, s) {
		//lint:ignore ST1005 it is az's text
		return "", fmt.Errorf("'%s' is not a valid value for '--network-plugin'. Allowed values: %s.", s, strings.Join(NetworkPlugins, ", "))
	}
	return NetworkPlugin(s), nil
}

// FirstAddress is the number of a subnet's first address to have: Azure keeps four below it,
// and the last one (MicrosoftDocs/azure-docs, virtual-networks-faq).
const FirstAddress = 4

// Prefixes of the virtual network that AKS makes, and of the nodes' subnet if nothing else is
// asked for (Microsoft, "Use kubenet networking in AKS", 2026-08).
var (
	AddressSpace = netip.MustParsePrefix("10.224.0.0/12")
	NodePrefix   = netip.MustParsePrefix("10.224.0.0/16")
)

// smallestSubnet is the longest prefix of a subnet that Azure makes.
const smallestSubnet = 29

// Names of the subnets.
const (
	NodeSubnet = "aks-subnet"
	PodSubnet  = "aks-podsubnet"
)

// DefaultMaxPods is how many pods a node can have if nothing else is asked for (Microsoft,
// "Configure Azure CNI networking in AKS", 2026-08).
func (s ClusterSpec) DefaultMaxPods() int {
	switch {
	case s.NetworkPlugin == NetworkKubenet:
		return 110
	case s.NetworkPlugin == NetworkAzure && s.PodSubnetPrefix == "":
		return 30
	}
	return DefaultMaxPods
}

// Subnets are the prefixes of the nodes' subnet and of the pods'; the latter is invalid if
// they have none of their own. The error is in Azure's words.
func (s ClusterSpec) Subnets() (nodes, pods netip.Prefix, err error) {
	nodes = NodePrefix
	if s.SubnetPrefix != "" {
		if nodes, err = parseSubnet(NodeSubnet, s.SubnetPrefix); err != nil {
			return nodes, pods, err
		}
	}
	if s.PodSubnetPrefix == "" {
		return nodes, pods, nil
	}
	if s.NetworkPlugin != NetworkAzure {
		return nodes, pods, Coded("InvalidParameter", "podSubnetID is only supported with network plugin azure, not %s", s.NetworkPlugin)
	}
	if pods, err = parseSubnet(PodSubnet, s.PodSubnetPrefix); err == nil && pods.Overlaps(nodes) {
		err = Coded("NetcfgSubnetRangesOverlap", "Subnet '%s' is not valid because its IP address range overlaps with that of an existing subnet in virtual network: %s and %s.", PodSubnet, pods, nodes)
	}
	return nodes, pods, err
}

// parseSubnet reads the prefix of a subnet of the virtual network. The error is in Azure's
// words.
func parseSubnet(name, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !p.Addr().Is4():
		return p, Coded("InvalidAddressPrefixFormat", "Address prefix %s of subnet %s is not formatted correctly. It should follow CIDR notation, for example %s.", text, name, NodePrefix)
	case p != p.Masked():
		return p, Coded("InvalidCIDRNotation", "The address prefix %s of subnet %s has an invalid CIDR notation. For the given prefix length, the address prefix should be %s.", text, name, p.Masked())
	case p.Bits() > smallestSubnet:
		return p, Coded("NetcfgInvalidSubnet", "Subnet '%s' is not valid in virtual network: %s has too few addresses, want a prefix of length %d at most.", name, p, smallestSubnet)
	case p.Bits() < AddressSpace.Bits() || !AddressSpace.Contains(p.Addr()):
		return p, Coded("NetcfgSubnetRangeOutsideVnet", "Subnet '%s' is not valid because its IP address range is outside the IP address range of virtual network, %s.", name, AddressSpace)
	}
	return p, nil
}

// Addresses is how many addresses a subnet has to give.
func Addresses(subnet netip.Prefix) int { return 1<<(32-subnet.Bits()) - FirstAddress - 1 }

// NodeAddresses is how many addresses of the nodes' subnet a node takes that can have so many
// pods.
func (s ClusterSpec) NodeAddresses(maxPods int) int {
	if s.NetworkPlugin == NetworkAzure && s.PodSubnetPrefix == "" {
		return 1 + maxPods
	}
	return 1
}

// CheckNetwork says why a cluster cannot have the network that is described, with so many
// nodes that take so many addresses of their subnet; in AKS's words where they are known. Those
// for a network policy are of coder/docs#1091 (2022), and those for a subnet that is too small
// of Azure/AKS-Construction#701 (2024).
func (s ClusterSpec) CheckNetwork(nodes, addresses int) error {
	subnet, _, err := s.Subnets()
	if err != nil {
		return err
	}
	if s.NetworkPlugin == NetworkKubenet {
		switch {
		case s.NetworkPolicy == NetworkPolicyAzure:
			return Coded("NetworkPolicyAzureNotSupportedForKubenet", "NetworkPolicy azure is not supported for network plugin kubenet")
		case s.NetworkPolicy == NetworkPolicyCilium:
			return Coded("NetworkPolicyCiliumNotSupportedForKubenet", "NetworkPolicy cilium is not supported for network plugin kubenet")
		case nodes > MaxRoutes:
			return Coded("InvalidParameter", "The value of parameter agentPoolProfile.count is invalid: a cluster with network plugin kubenet has %d nodes at most, "+
				"as a route table has %[1]d routes, not %d", MaxRoutes, nodes)
		}
	}
	if have := Addresses(subnet); addresses > have {
		return Coded("InsufficientSubnetSize", "Pre-allocated IPs %d exceeds IPs available %d in Subnet Cidr %s, Subnet Name %s. If Autoscaler is enabled, the max-count from each nodepool "+
			"is counted towards this total (which means that pre-allocated IPs count represents a theoretical max value, not the actual number of IPs requested). "+
			"http://aka.ms/aks/insufficientsubnetsize", addresses, have, subnet, NodeSubnet)
	}
	return nil
}

// CheckNewNetwork is [ClusterSpec.CheckNetwork] of a cluster as it is made.
func (s ClusterSpec) CheckNewNetwork() error {
	return s.CheckNetwork(s.Nodes, s.Nodes*s.NodeAddresses(s.DefaultMaxPods()))
}

// VirtualNetwork is the virtual network of the node resource group, with the nodes' subnet.
type VirtualNetwork struct {
	Name string `json:"name"`
	// ID is its resource ID.
	ID            string        `json:"id"`
	NetworkPlugin NetworkPlugin `json:"networkPlugin" enum:"network-plugin"`
	// AddressSpace is the prefix that all its subnets are in.
	AddressSpace string   `json:"addressSpace"`
	Subnets      []Subnet `json:"subnets"`
}

// Subnet is a subnet of a [VirtualNetwork].
type Subnet struct {
	Name string `json:"name"`
	// ID is its resource ID.
	ID     string `json:"id"`
	Prefix string `json:"prefix"`
	// SecurityGroup and RouteTable are the resources that are associated with it; the latter
	// is empty if none is.
	SecurityGroup string `json:"networkSecurityGroup"`
	RouteTable    string `json:"routeTable,omitempty"`
	// Addresses is how many addresses there are to have: all but the five that Azure keeps.
	// Used is how many somebody has.
	Addresses int `json:"addresses"`
	Used      int `json:"used"`
}

// AzureRoute is a route of the route table of the nodes' subnet: it leads to the pods of one node.
type AzureRoute struct {
	// Name is the node's, and ID the resource ID.
	Name string `json:"name"`
	ID   string `json:"id"`
	// Prefix is the range that it leads to, by way of the VM with the address NextHop.
	Prefix      string `json:"addressPrefix"`
	NextHopType string `json:"nextHopType"`
	NextHop     string `json:"nextHopIpAddress"`
	// State is Succeeded.
	State string `json:"provisioningState"`
}

// What can be done with a route outside of AKS.
const RouteDelete = "delete"

// RouteActions are all of it.
var RouteActions = []string{RouteDelete}

// RouteRequest does something with a route outside of AKS.
type RouteRequest struct {
	Action string `json:"action" enum:"route-action"`
	// Route is its name, which is that of its node.
	Route string `json:"route"`
}

// errNoRoutes says that a cluster has no route table.
var errNoRoutes = Errorf(http.StatusNotFound, "(ResourceNotFound) the subnet of this cluster's nodes has no route table: it has one with demarc up --network-plugin %s", NetworkKubenet)

// CheckRoutes is an error if the plugin has no route table.
func (p NetworkPlugin) CheckRoutes() error {
	if !p.Routes() {
		return errNoRoutes
	}
	return nil
}
