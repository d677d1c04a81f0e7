package api

import (
	"cmp"
	"fmt"
	"net/http"
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
	// NetworkAzureOverlay gives each node a range of its own that the platform knows.
	NetworkAzureOverlay NetworkPlugin = "azure-overlay"
)

// NetworkPlugins are all of them.
var NetworkPlugins = []string{string(NetworkAzureOverlay), string(NetworkKubenet)}

func (p NetworkPlugin) String() string { return cmp.Or(string(p), string(NetworkAzureOverlay)) }

// Routes says whether packets to the pods of another node need a route of the route table.
func (p NetworkPlugin) Routes() bool { return p == NetworkKubenet }

// MaxRoutes is how many routes a route table has at most, so that a cluster with kubenet has
// no more nodes (Microsoft, "Use kubenet networking in AKS", 2026-08).
const MaxRoutes = 400

// ParseNetworkPlugin reads the name of a plugin. The error is in the words of az.
func ParseNetworkPlugin(s string) (NetworkPlugin, error) {
	if !slices.Contains(NetworkPlugins, s) {
		return "", fmt.Errorf("'%s' is not a valid value for '--network-plugin'. Allowed values: %s.", s, strings.Join(NetworkPlugins, ", "))
	}
	return NetworkPlugin(s), nil
}

// CheckNetwork says why a cluster of that many nodes cannot have the network that is
// described, in AKS's words where they are known. Those for a network policy are of
// coder/docs#1091 (2022).
func (s ClusterSpec) CheckNetwork(nodes int) error {
	if s.NetworkPlugin != NetworkKubenet {
		return nil
	}
	switch s.NetworkPolicy {
	case NetworkPolicyAzure:
		return Coded("NetworkPolicyAzureNotSupportedForKubenet", "NetworkPolicy azure is not supported for network plugin kubenet")
	case NetworkPolicyCilium:
		return Coded("NetworkPolicyCiliumNotSupportedForKubenet", "NetworkPolicy cilium is not supported for network plugin kubenet")
	}
	if nodes > MaxRoutes {
		return Coded("InvalidParameter", "The value of parameter agentPoolProfile.count is invalid: a cluster with network plugin kubenet has %d nodes at most, "+
			"as a route table has %[1]d routes, not %d", MaxRoutes, nodes)
	}
	return nil
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
