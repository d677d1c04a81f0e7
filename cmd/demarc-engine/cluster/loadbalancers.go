package cluster

import "demarc/sim/api"

// Outbound is how nodes reach the internet.
func (c *Cluster) Outbound() api.Outbound { return c.fleet.SNAT() }

// LoadBalancers are the load balancers of the node resource group.
func (c *Cluster) LoadBalancers() []api.AzureLoadBalancer { return c.fleet.LoadBalancers() }

// DoLoadBalancer does something with a load balancer past AKS.
func (c *Cluster) DoLoadBalancer(by api.Role, req api.BalancerRequest) (l api.AzureLoadBalancer, err error) {
	err = c.pastAKS(by, req.Action+" "+req.Rule, func() error {
		l, err = c.fleet.Balancers().Do(req, by.Actor())
		return err
	})
	return l, err
}
