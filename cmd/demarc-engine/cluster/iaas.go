package cluster

import (
	"errors"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// VMs are the virtual machines of the pool's scale set.
func (c *Cluster) VMs() []api.VM { return c.fleet.VMs() }

// DoVM does something with a VM past AKS.
func (c *Cluster) DoVM(by api.Role, req api.VMRequest) (vm api.VM, err error) {
	if err := c.Runs(); err != nil {
		return vm, err // its VMs are deallocated until it is started
	}
	err = c.pastAKS(by, req.Action+" vm/"+req.VM, func() error {
		vm, err = c.fleet.DoVM(req, by.Actor())
		return err
	})
	return vm, err
}

// NSG are the rules of the network security group of the nodes' subnet, with those that AKS
// writes for load balancers.
func (c *Cluster) NSG() []api.NSGRule { return c.fleet.SecurityRules() }

// SetNSGRule adds a rule, or replaces the one of its name.
func (c *Cluster) SetNSGRule(by api.Role, rule api.NSGRule) (api.NSGRule, error) {
	return rule, c.pastAKS(by, "set security rule "+rule.Name, func() error { return c.fleet.SetNSGRule(rule, by.Actor()) })
}

// DeleteNSGRule deletes the rule of that name.
func (c *Cluster) DeleteNSGRule(by api.Role, name string) error {
	return c.pastAKS(by, "delete security rule "+name, func() error { return c.fleet.DeleteNSGRule(name, by.Actor()) })
}

// pastAKS changes an IaaS resource on somebody's behalf, past AKS, unless the node
// resource group is locked.
func (c *Cluster) pastAKS(by api.Role, what string, change func() error) error {
	if by.Actor() != timeline.Customer || c.Settings().Restriction != "ReadOnly" {
		return errors.Join(change(), c.saveState())
	}
	// In Azure's words for a deny assignment.
	err := api.Coded("DenyAssignmentAuthorizationFailed", "%s: the access is denied because of the deny assignment of the node resource group "+
		"(restriction level ReadOnly); demarc aks update --nrg-lockdown Unrestricted ends it", what)
	return c.refuse(timeline.Customer, "node-resource-group", err.Message, err)
}
