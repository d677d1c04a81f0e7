package nodes

import (
	"demarc/nodes/cloud"
	"demarc/sim/api"
)

// networkNames are the names of the resources of the cluster's network.
func (f *scaleSet) networkNames() cloud.NetworkNames {
	return cloud.NetworkNames{Group: f.cluster.GroupID(), Digits: f.cluster.Digits()}
}

// VirtualNetwork is the virtual network of the node resource group.
func (f *scaleSet) VirtualNetwork() api.VirtualNetwork {
	f.mu.Lock()
	defer f.mu.Unlock()
	nodes := cloud.SubnetUse{Prefix: api.NodePrefix, Used: len(f.present.Load().byIP)}
	if s := f.addresses.nodes; s != nil {
		nodes = cloud.SubnetUse{Prefix: f.cfg.Subnet, Used: s.Used()}
	}
	nodes.Used += f.balancers.Privates()
	pods := cloud.SubnetUse{Prefix: f.cfg.PodSubnet}
	if s := f.addresses.pods; s != nil {
		pods.Used = s.Used()
	}
	return f.networkNames().Network(f.cfg.NetworkPlugin, nodes, pods)
}

// Routes are the routes of the subnet's route table.
func (f *scaleSet) Routes() *cloud.Routes { return f.routes }

// Routed says whether the network has a route to the pods of a node. With an overlay the
// platform itself knows where they are.
func (f fabric) Routed(node string) bool {
	if !f.cfg.NetworkPlugin.Routes() {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.named(node)
	return m == nil || f.routes.Lead(m.Name, m.Prefix, m.IP)
}
