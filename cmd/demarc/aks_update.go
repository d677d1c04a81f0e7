package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) aksCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:     "aks",
		Short:   "Change the managed cluster, as az aks does",
		Example: "  demarc aks update --feature-gates ContainerStopSignals=false\n  demarc aks upgrade --kubernetes-version 1.37",
	}, a.aksUpdateCmd(), a.aksUpgradeCmd(), a.aksGetUpgradesCmd())
}

func (a *app) aksUpdateCmd() *cobra.Command {
	var req api.UpdateRequest
	var gates string
	c := &cobra.Command{
		Use: "update", Short: "Change settings of the cluster, or bring it to the subscription's defaults", Args: cobra.NoArgs,
		Long: `Update changes settings and leaves the others as they are. What registered preview
features change by default takes effect with it, also without any flag. Other feature
gates, and an audit log, restart the control plane.`,
		Example: `  demarc aks update
  demarc aks update --feature-gates ContainerStopSignals=true --allow-unsupported-feature-gates
  demarc aks update --kube-proxy-mode IPVS`,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if req.FeatureGates, err = api.ParseFeatureGates(gates); err != nil {
				return badInput(fmt.Errorf("--feature-gates: %w", err))
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			s, err := client.Update(c.Context(), req)
			if err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(s)
			}
			return printSettings(a.Out, s)
		},
	}
	f := c.Flags()
	f.StringVar(&gates, "feature-gates", "", "Kubernetes' feature gates: NAME=true, more of them behind commas; one at its default is set back")
	f.BoolVar(&req.AllowUnsupportedGates, "allow-unsupported-feature-gates", false, "take feature gates that the support policy does not cover")
	f.StringVar(&req.KubeProxyMode, "kube-proxy-mode", "", "mode of kube-proxy: "+strings.Join(api.KubeProxyModes, ", "))
	f.StringVar(&req.Restriction, "nrg-lockdown", "", "restriction level of the node resource group: "+strings.Join(api.RestrictionLevels, ", "))
	must(c.RegisterFlagCompletionFunc("feature-gates", a.completeGates))
	must(c.RegisterFlagCompletionFunc("kube-proxy-mode", complete(api.KubeProxyModes...)))
	must(c.RegisterFlagCompletionFunc("nrg-lockdown", complete(api.RestrictionLevels...)))
	return c
}

// completeGates completes feature gates, each to what it is not by default.
func (a *app) completeGates(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	client, err := a.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	list, _ := client.FeatureGates(c.Context()) // without an answer there is nothing to complete
	for _, g := range list {
		words = append(words, fmt.Sprintf("%s=%t\t%s", g.Name, !g.Default, g.Stage))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

func printSettings(w io.Writer, s api.ClusterSettings) error {
	gates := []string{}
	for _, name := range slices.Sorted(maps.Keys(s.FeatureGates)) {
		gates = append(gates, fmt.Sprintf("%s=%t", name, s.FeatureGates[name]))
	}
	if len(gates) == 0 {
		gates = append(gates, "as by default")
	}
	first := func(value string, values []string) string {
		if value == "" {
			return values[0]
		}
		return value
	}
	_, err := terminal.Fprintf(w, "feature gates    %s\naudit log        %s\nkube-proxy mode  %s\nnrg lockdown     %s\n", strings.Join(gates, ", "),
		output.YesNo(s.AuditLog), first(s.KubeProxyMode, api.KubeProxyModes), first(s.Restriction, api.RestrictionLevels))
	return err
}
