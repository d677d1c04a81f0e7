package aks

import (
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

// balancerFlags are what update changes of how nodes reach the internet.
type balancerFlags struct{ ports, ips, idle int }

// The names of them.
const (
	portsFlag = "load-balancer-outbound-ports"
	ipsFlag   = "load-balancer-managed-outbound-ip-count"
	idleFlag  = "load-balancer-idle-timeout"
)

func (b *balancerFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&b.ports, portsFlag, 0, "SNAT ports of each node, a multiple of 8; 0: by how many nodes there are")
	f.IntVar(&b.ips, ipsFlag, 0, "public IP addresses for connections to the internet, 1 to 100")
	f.IntVar(&b.idle, idleFlag, 0, "minutes after which such a connection ends without a packet, 4 to 120")
}

// update is what was asked for: a flag that was not given changes nothing.
func (b *balancerFlags) update(c *cobra.Command) (u api.LoadBalancerUpdate) {
	for name, x := range map[string]struct {
		value *int
		to    **int
	}{portsFlag: {&b.ports, &u.OutboundPorts}, ipsFlag: {&b.ips, &u.ManagedOutboundIPs}, idleFlag: {&b.idle, &u.IdleTimeout}} {
		if c.Flags().Changed(name) {
			*x.to = x.value
		}
	}
	return u
}
