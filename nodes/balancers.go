package nodes

import "demarc/sim/api"

// LoadBalancers are the load balancers of the node resource group, with what their probes
// find of each machine.
func (f *Fleet) LoadBalancers() []api.AzureLoadBalancer {
	list := f.balancers.List()
	for i := range list {
		for _, node := range f.fabric.Nodes() {
			m := api.BalancerMember{VM: node, Address: f.fabric.NodeIP(node).String(), Down: []string{}, Up: []string{}}
			for _, p := range list[i].Probes {
				if f.network.ProbeUp(node, probeOf(p)) {
					m.Up = append(m.Up, p.Name)
				} else {
					m.Down = append(m.Down, p.Name)
				}
			}
			list[i].Pool = append(list[i].Pool, m)
		}
	}
	return list
}
