package script

import "demarc/sim/api"

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
		{Name: "nrg-lockdown", Type: ArgEnum, Values: api.RestrictionLevels, Doc: "whether the nodes' VMs and network can be changed past AKS"},
	},
	Check: func(k Checker, c *Call) {
		if _, err := api.ParseFeatureGates(c.Text("feature-gates")); err != nil {
			k.Problem(c.Cols["feature-gates"], "", "feature-gates=%s: %v", c.Text("feature-gates"), err)
		}
	},
}
