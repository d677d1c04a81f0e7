package script

import (
	"strconv"

	"demarc/sim/api"
)

var verbFeature = Verb{
	Name:    "feature",
	Summary: "registers a preview feature in the subscription, or unregisters it",
	Doc: "That takes up to 15 minutes, in which its state is Registering. What a preview changes is for every cluster of the subscription, " +
		"from its next update on. demarc feature list has the previews of an edition.",
	Example: "feature register AKSAuditLog",
	Args: []Arg{
		actionArg("register", "unregister"),
		{Name: "name", Type: ArgText, Positional: true, Required: true, Doc: "the feature's name, with or without Microsoft.ContainerService/"},
	},
}

// verbUpdate is az aks update.
var verbUpdate = Verb{
	Name:    "update",
	Summary: "changes settings of the cluster, as az aks update does",
	Doc: "What is left out stays as it is, and what the previews of the subscription change by default takes effect. Other feature gates, and an audit " +
		"log, restart the control plane. Feature gates that the support policy does not cover are refused unless allow-unsupported-gates=true.",
	Example: "update feature-gates=ContainerStopSignals=true allow-unsupported-gates=true",
	Args: []Arg{
		{Name: "feature-gates", Type: ArgText, Doc: "Kubernetes' feature gates: NAME=true, more of them behind commas; one at its default is set back"},
		{Name: "allow-unsupported-gates", Type: ArgEnum, Values: []string{"true", "false"}, Default: "false", Doc: "take also gates without support"},
		{Name: "kube-proxy-mode", Type: ArgEnum, Values: api.KubeProxyModes, Doc: "the mode by which kube-proxy works; a preview"},
		{Name: outboundPorts, Type: ArgInt, Doc: "how many SNAT ports each node has, a multiple of 8; 0 is by how many nodes there are"},
		{Name: outboundIPs, Type: ArgInt, Doc: "how many public addresses connections to the internet come from, 1 to 100"},
		{Name: outboundIdle, Type: ArgInt, Doc: "after how many minutes without a packet such a connection ends, 4 to 120"},
		{Name: appRouting, Type: ArgEnum, Values: []string{"enable", "disable"}, Doc: "whether there is the application routing add-on, which serves Ingresses"},
		{Name: "node-os-upgrade-channel", Type: ArgEnum, Values: api.NodeOSChannels, Doc: "by what the nodes' operating systems are upgraded by themselves"},
		{Name: "auto-upgrade-channel", Type: ArgEnum, Values: api.UpgradeChannels, Doc: "to what the cluster is upgraded by itself"},
		{Name: "nrg-lockdown", Type: ArgEnum, Values: api.RestrictionLevels, Doc: "whether the nodes' VMs and network can be changed past AKS"},
	},
	Check: func(k Checker, c *Call) {
		if _, err := api.ParseFeatureGates(c.Text("feature-gates")); err != nil {
			k.Problem(c.Cols["feature-gates"], "", "feature-gates=%s: %v", c.Text("feature-gates"), err)
		}
		for _, name := range outboundArgs {
			if err := c.loadBalancer(name).Validate(); err != nil {
				k.Problem(c.Cols[name], "", "%v", err)
			}
		}
	},
}

// appRouting is the argument of update about the application routing add-on.
const appRouting = "app-routing"

// AppRouting is whether a call enables the application routing add-on; nil leaves it as it is.
func (c *Call) AppRouting() *bool {
	text := c.Text(appRouting)
	if text == "" {
		return nil
	}
	on := text == "enable"
	return &on
}

// Arguments of update about how nodes reach the internet.
const (
	outboundPorts = "load-balancer-outbound-ports"
	outboundIPs   = "load-balancer-managed-outbound-ip-count"
	outboundIdle  = "load-balancer-idle-timeout"
)

var outboundArgs = []string{outboundPorts, outboundIPs, outboundIdle}

// LoadBalancer is what a call changes of how nodes reach the internet.
func (c *Call) LoadBalancer() api.LoadBalancerUpdate { return c.loadBalancer(outboundArgs...) }

// loadBalancer is that as far as the arguments given are about it.
func (c *Call) loadBalancer(args ...string) (u api.LoadBalancerUpdate) {
	for _, name := range args {
		n, err := strconv.Atoi(c.Text(name))
		switch {
		case err != nil: // it is not given, or no number, which is said elsewhere
		case name == outboundPorts:
			u.OutboundPorts = &n
		case name == outboundIPs:
			u.ManagedOutboundIPs = &n
		case name == outboundIdle:
			u.IdleTimeout = &n
		}
	}
	return u
}
