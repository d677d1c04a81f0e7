package nodes

import (
	"fmt"
	"net/netip"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/network"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// SetOutbound says how the machines reach the internet from now on.
func (f *scaleSet) SetOutbound(p api.LoadBalancerProfile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outbound = p
}

// Outbound implements [network.Fabric]. What keeps packets from leaving is the network
// security group, or the machine's own packet filter.
func (f fabric) Outbound(node string, to netip.AddrPort) (has network.Outbound, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.named(node)
	if m == nil || !m.Reachable() {
		return has, false
	}
	at := cloud.Endpoint{Host: to.Addr().String(), Protocol: cloud.TCP, Port: int(to.Port()), Tags: []string{cloud.Internet}, Address: to.Addr()}
	if (len(f.subnet.nsg.Rules()) > 0 || m.OS.Drifted()) && f.subnet.blockage(m.OS, at) != "" {
		return has, false
	}
	p := f.outbound.WithDefaults()
	return network.Outbound{Ports: p.Ports(len(living(f.machines()))), Idle: time.Duration(p.IdleTimeoutInMinutes) * time.Minute}, true
}

// Exhausted implements [network.Fabric].
func (f fabric) Exhausted(node string, to netip.AddrPort, ports int, none bool) {
	e := timeline.Event{
		Time: time.Now(), Actor: timeline.Platform, Verb: "has ports again", Subject: "node/" + node,
		Message: fmt.Sprintf("of its %d SNAT ports a quarter and more are free for %s", ports, to),
		Detail:  &timeline.Detail{SNAT: &timeline.SNAT{Destination: to.String(), Ports: ports}},
	}
	if none {
		e.Verb, e.Message = "lacks ports", fmt.Sprintf("all of its %d SNAT ports are used for %s: what connects there is dropped, and times out", ports, to)
	}
	f.log.Append(e)
}

// SNAT is how the machines reach the internet, and how many SNAT ports each uses.
func (f *Fleet) SNAT() api.Outbound {
	f.mu.Lock()
	p, machines := f.outbound.WithDefaults(), living(f.machines())
	f.mu.Unlock()
	out := api.Outbound{LoadBalancerProfile: p, Nodes: []api.OutboundNode{}}
	for _, m := range machines {
		use := f.network.SNAT(m.Name)
		n := api.OutboundNode{VM: m.Name, Allocated: p.Ports(len(machines)), Used: use.Ports, Dropped: use.Dropped}
		if use.Busiest.IsValid() {
			n.Busiest = use.Busiest.String()
		}
		out.Nodes = append(out.Nodes, n)
	}
	return out
}
