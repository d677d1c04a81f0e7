package api

import (
	"fmt"
	"net/http"
	"strconv"
)

// Limits and defaults of outbound connections through the load balancer
// (MicrosoftDocs/azure-aks-docs, load-balancer-standard, 2026-08-21).
const (
	snatPortsOfIP    = 64000 // of one public IP address
	snatPortsUnit    = 8     // ports are allocated by so many
	maxOutboundIPs   = 100
	minOutboundIdle  = 4 // minutes
	maxOutboundIdle  = 120
	defaultIdle      = 30
	defaultOutbounds = 1 // public IP addresses
)

// LoadBalancerProfile is how nodes reach the internet through the load balancer. What is 0 is
// as by default.
type LoadBalancerProfile struct {
	// AllocatedOutboundPorts is how many SNAT ports each node has; by default it depends on
	// how many nodes there are.
	AllocatedOutboundPorts int `json:"allocatedOutboundPorts,omitempty"`
	// ManagedOutboundIPs is how many public IP addresses connections come from, and
	// IdleTimeoutInMinutes when one without packets ends.
	ManagedOutboundIPs   int `json:"managedOutboundIPs,omitempty"`
	IdleTimeoutInMinutes int `json:"idleTimeoutInMinutes,omitempty"`
}

// LoadBalancerUpdate changes a [LoadBalancerProfile]; what is nil stays as it is.
type LoadBalancerUpdate struct {
	OutboundPorts      *int `json:"outboundPorts,omitempty"`
	ManagedOutboundIPs *int `json:"managedOutboundIPs,omitempty"`
	IdleTimeout        *int `json:"idleTimeout,omitempty"`
}

// Validate says what is wrong with a change, in the words of az, which call the ports
// otherwise than its flag does (Azure/azure-cli, acs/_validators.py).
func (u LoadBalancerUpdate) Validate() error {
	switch {
	case u.OutboundPorts != nil && *u.OutboundPorts%snatPortsUnit != 0:
		return Errorf(http.StatusBadRequest, "--load-balancer-allocated-ports must be a multiple of %d", snatPortsUnit)
	case u.OutboundPorts != nil && (*u.OutboundPorts < 0 || *u.OutboundPorts > snatPortsOfIP):
		return Errorf(http.StatusBadRequest, "--load-balancer-allocated-ports must be in the range [0,%d]", snatPortsOfIP)
	case u.ManagedOutboundIPs != nil && (*u.ManagedOutboundIPs < 1 || *u.ManagedOutboundIPs > maxOutboundIPs):
		return Errorf(http.StatusBadRequest, "--load-balancer-managed-outbound-ip-count must be between 1 and %d (inclusive).", maxOutboundIPs)
	case u.IdleTimeout != nil && (*u.IdleTimeout < minOutboundIdle || *u.IdleTimeout > maxOutboundIdle):
		return Errorf(http.StatusBadRequest, "--load-balancer-idle-timeout must be in the range [%d,%d]", minOutboundIdle, maxOutboundIdle)
	}
	return nil
}

// With is the profile after a change.
func (p LoadBalancerProfile) With(u LoadBalancerUpdate) LoadBalancerProfile {
	for _, x := range []struct {
		to   *int
		want *int
	}{{&p.AllocatedOutboundPorts, u.OutboundPorts}, {&p.ManagedOutboundIPs, u.ManagedOutboundIPs}, {&p.IdleTimeoutInMinutes, u.IdleTimeout}} {
		if x.want != nil {
			*x.to = *x.want
		}
	}
	return p
}

// WithDefaults is the profile with what is in force in the place of what is 0; only the
// ports of a node stay 0 if they depend on how many nodes there are.
func (p LoadBalancerProfile) WithDefaults() LoadBalancerProfile {
	if p.ManagedOutboundIPs == 0 {
		p.ManagedOutboundIPs = defaultOutbounds
	}
	if p.IdleTimeoutInMinutes == 0 {
		p.IdleTimeoutInMinutes = defaultIdle
	}
	return p
}

// String is the profile in words.
func (p LoadBalancerProfile) String() string {
	p = p.WithDefaults()
	ports := "default"
	if p.AllocatedOutboundPorts > 0 {
		ports = strconv.Itoa(p.AllocatedOutboundPorts)
	}
	return fmt.Sprintf("SNAT ports of each node: %s; public IP addresses: %d; idle timeout: %d minutes", ports, p.ManagedOutboundIPs, p.IdleTimeoutInMinutes)
}

// Fits says in AKS's words why so many nodes cannot have the ports that each is to have.
func (p LoadBalancerProfile) Fits(nodes int) error {
	p = p.WithDefaults()
	need, has := nodes*p.AllocatedOutboundPorts, p.ManagedOutboundIPs*snatPortsOfIP
	if need <= has {
		return nil
	}
	return Coded("InvalidLoadBalancerProfileAllocatedOutboundPorts", "Load balancer profile allocated ports %d is not in an allowable range given the number of nodes and IPs "+
		"provisioned. Total node count %d requires %d ports but only %d ports are available given %d outbound public IPs. Refer to https://aka.ms/aks/slb-ports for more details.",
		p.AllocatedOutboundPorts, nodes, need, has, p.ManagedOutboundIPs)
}

// portTiers are how many SNAT ports a node has by default, by how many nodes there are at
// most (MicrosoftDocs/azure-docs, load-balancer-outbound-connections, 2022-03-01).
var portTiers = []struct{ nodes, ports int }{{50, 1024}, {100, 512}, {200, 256}, {400, 128}, {800, 64}}

// leastPorts is how many a node has by default among more nodes.
const leastPorts = 32

// Ports is how many SNAT ports each of so many nodes has.
func (p LoadBalancerProfile) Ports(nodes int) int {
	if p.AllocatedOutboundPorts > 0 {
		return p.AllocatedOutboundPorts
	}
	for _, t := range portTiers {
		if nodes <= t.nodes {
			return t.ports
		}
	}
	return leastPorts
}

// Outbound is how nodes reach the internet, and how many SNAT ports they use for it.
type Outbound struct {
	LoadBalancerProfile
	Nodes []OutboundNode `json:"nodes"`
}

// OutboundNode is the SNAT ports of a node.
type OutboundNode struct {
	VM        string `json:"vm"`
	Allocated int    `json:"allocated"`
	// Used is how many the busiest destination needs, which is Busiest: a port serves one
	// connection to each. One stays used for four minutes after its connection was closed.
	Used    int    `json:"used"`
	Busiest string `json:"busiest,omitempty"`
	// Dropped is how many connections found no port free.
	Dropped int64 `json:"dropped"`
}
