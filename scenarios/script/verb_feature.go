package script

import (
	"context"
	"fmt"

	"demarc/sim/api"
)

var verbFeature = Verb{
	Name:    "feature",
	Summary: "registers a preview feature in the subscription, or unregisters it",
	Doc: "That takes up to 15 minutes, in which its state is Registering. What a preview changes is for every cluster of the subscription, " +
		"from its next update on. demarc feature list has the previews of an edition.",
	Example: "feature register AKSAuditLog",
	Args: []Arg{
		{Name: "action", Type: ArgEnum, Positional: true, Required: true, Values: []string{"register", "unregister"}, Doc: "what to do"},
		{Name: "name", Type: ArgText, Positional: true, Required: true, Doc: "the feature's name, with or without Microsoft.ContainerService/"},
	},
	run: func(ctx context.Context, r *run, c *call) error {
		set := r.world.As(api.RoleCustomer).RegisterFeature
		if c.text("action") == "unregister" {
			set = r.world.As(api.RoleCustomer).UnregisterFeature
		}
		if _, err := set(ctx, c.text("name")); err != nil {
			return fmt.Errorf("feature %s: %w", c.text("action"), err)
		}
		return nil
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
	check: func(p *parser, c *call) {
		if _, err := api.ParseFeatureGates(c.text("feature-gates")); err != nil {
			p.problem(c.cols["feature-gates"], "", "feature-gates=%s: %v", c.text("feature-gates"), err)
		}
	},
	run: func(ctx context.Context, r *run, c *call) error {
		gates, err := api.ParseFeatureGates(c.text("feature-gates"))
		if err != nil {
			return err
		}
		req := api.UpdateRequest{
			FeatureGates: gates, AllowUnsupportedGates: c.text("allow-unsupported-gates") == "true",
			KubeProxyMode: c.text("kube-proxy-mode"), Restriction: c.text("nrg-lockdown"),
		}
		if _, err := r.world.As(api.RoleCustomer).Update(ctx, req); err != nil {
			return fmt.Errorf("update: %w", err)
		}
		return nil
	},
}
