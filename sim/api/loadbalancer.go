package api

// The load balancers that AKS makes in the node resource group.
const (
	PublicBalancer   = "kubernetes"
	InternalBalancer = "kubernetes-internal"
)

// AzureLoadBalancer is a load balancer of the node resource group, for the Services of a
// cluster. That of Services on the internet is [PublicBalancer].
type AzureLoadBalancer struct {
	Name string `json:"name"`
	// ID is its resource ID.
	ID        string             `json:"id"`
	Frontends []BalancerFrontend `json:"frontends"`
	Rules     []BalancerRule     `json:"rules"`
	Probes    []BalancerProbe    `json:"probes"`
	Pool      []BalancerMember   `json:"pool"`
}

// BalancerFrontend is an address of a load balancer's.
type BalancerFrontend struct {
	Name string `json:"name"`
	// Service is the Service that has it, as NAMESPACE/NAME.
	Service string `json:"service"`
	Address string `json:"address"`
	// PublicIP is the public IP address resource; empty for an address of the subnet.
	PublicIP string `json:"publicIP,omitempty"`
	// FQDN is its name in Azure's DNS; empty if it has none.
	FQDN string `json:"fqdn,omitempty"`
	// Sources are the address prefixes, and Tags the service tags, from which clients may
	// come. DenyOthers says that nobody else may, from the virtual network neither.
	Sources    []string `json:"sources,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	DenyOthers bool     `json:"denyOthers,omitempty"`
	// Edited says that somebody has changed it behind AKS's back.
	Edited bool `json:"edited,omitempty"`
}

// BalancerRule sends what comes to a port of a frontend to the pool.
type BalancerRule struct {
	Name     string `json:"name"`
	Service  string `json:"service"` // whose it is, as NAMESPACE/NAME
	Frontend string `json:"frontend"`
	Address  string `json:"address"`
	Port     int32  `json:"port"`
	// Protocol is Tcp or Udp.
	Protocol string `json:"protocol"`
	// IdleTimeout is in minutes. TCPReset says that both ends are told when it is over.
	IdleTimeout int  `json:"idleTimeout"`
	TCPReset    bool `json:"tcpReset"`
	// Persistence is Default, by the whole connection, or SourceIP, by the client's address.
	Persistence string `json:"persistence" enum:"load-distribution"`
	// Probe is the health probe that says where it sends to; empty for none.
	Probe string `json:"probe,omitempty"`
}

// How a rule spreads connections over the pool.
const (
	DistributionDefault  = "Default"
	DistributionSourceIP = "SourceIP"
)

// BalancerProbe asks each member of the pool whether it is well.
type BalancerProbe struct {
	Name string `json:"name"`
	// Service is the Service whose it is, as NAMESPACE/NAME.
	Service string `json:"service"`
	// Protocol is Tcp, Http or Https; Path is for the latter two.
	Protocol string `json:"protocol"`
	Port     int32  `json:"port"`
	Path     string `json:"path,omitempty"`
	// Interval is in seconds. A member is out after Threshold failures in a row.
	Interval  int `json:"interval"`
	Threshold int `json:"threshold"`
}

// BalancerMember is a VM behind a load balancer.
type BalancerMember struct {
	VM      string `json:"vm"`
	Address string `json:"address"`
	// Down are the names of the probes that it does not answer, and Up of those that it does.
	Down []string `json:"down"`
	Up   []string `json:"up"`
}

// What can be done with a load balancer outside of AKS.
const BalancerDeleteRule = "delete-rule"

// BalancerActions are all of it.
var BalancerActions = []string{BalancerDeleteRule}

// BalancerRequest does something with a load balancer outside of AKS.
type BalancerRequest struct {
	Action string `json:"action" enum:"load-balancer-action"`
	// Rule is the name of the rule, or service:NAMESPACE/NAME for all rules of a Service.
	Rule string `json:"rule"`
}

// PublicIP is a public IP address resource.
type PublicIP struct {
	Name    string `json:"name"`
	Group   string `json:"resourceGroup"`
	Address string `json:"address"`
	// Label is its name in Azure's DNS of the region; empty for none.
	Label string `json:"label,omitempty"`
	// Managed says that AKS has made it for a Service, and deletes it with that.
	Managed bool `json:"managed"`
}
