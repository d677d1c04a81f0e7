package aks

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func updateCmd(env *command.Env) *cobra.Command {
	var req api.UpdateRequest
	var gates string
	var balancer balancerFlags
	c := &cobra.Command{
		Use: "update", Short: "Change settings of the cluster, or bring it to the subscription's defaults", Args: cobra.NoArgs,
		Long: `Update changes settings and leaves the others as they are. What registered preview
features change by default takes effect with it, also without any flag. Other feature
gates, and an audit log, restart the control plane.`,
		Example: `  demarc aks update
  demarc aks update --feature-gates ContainerStopSignals=true --allow-unsupported-feature-gates
  demarc aks update --kube-proxy-mode IPVS
  demarc aks update --node-os-upgrade-channel NodeImage --auto-upgrade-channel stable
  demarc aks update --load-balancer-managed-outbound-ip-count 2 --load-balancer-outbound-ports 8000`,
		PreRunE: func(c *cobra.Command, _ []string) (err error) {
			req.LoadBalancer = balancer.update(c)
			if err := req.LoadBalancer.Validate(); err != nil {
				return command.BadInput(err)
			}
			if req.FeatureGates, err = api.ParseFeatureGates(gates); err != nil {
				return command.BadInput(fmt.Errorf("--feature-gates: %w", err))
			}
			return nil
		},
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.ClusterSettings, error) {
			return c.Update(ctx, req)
		}, printSettings),
	}
	f := c.Flags()
	f.StringVar(&gates, "feature-gates", "", "Kubernetes' feature gates: NAME=true, more of them behind commas; one at its default is set back")
	f.BoolVar(&req.AllowUnsupportedGates, "allow-unsupported-feature-gates", false, "take feature gates that the support policy does not cover")
	f.StringVar(&req.KubeProxyMode, "kube-proxy-mode", "", "mode of kube-proxy: "+strings.Join(api.KubeProxyModes, ", "))
	f.StringVar(&req.Restriction, "nrg-lockdown", "", "restriction level of the node resource group: "+strings.Join(api.RestrictionLevels, ", "))
	f.StringVar(&req.NodeOSChannel, "node-os-upgrade-channel", "", "by what the nodes' operating systems are upgraded by themselves: "+strings.Join(api.NodeOSChannels, ", "))
	f.StringVar(&req.UpgradeChannel, "auto-upgrade-channel", "", "to what the cluster is upgraded by itself: "+strings.Join(api.UpgradeChannels, ", "))
	balancer.add(c)
	command.CompleteFlag(c, "feature-gates", completeGates(env))
	command.CompleteFlag(c, "kube-proxy-mode", command.Words(api.KubeProxyModes...))
	command.CompleteFlag(c, "node-os-upgrade-channel", command.Words(api.NodeOSChannels...))
	command.CompleteFlag(c, "auto-upgrade-channel", command.Words(api.UpgradeChannels...))
	command.CompleteFlag(c, "nrg-lockdown", command.Words(api.RestrictionLevels...))
	return c
}

// completeGates completes feature gates, each to what it is not by default.
func completeGates(env *command.Env) cobra.CompletionFunc {
	return command.ListCompletion(env, featureGates, func(g api.FeatureGate) string {
		return fmt.Sprintf("%s=%t\t%s", g.Name, !g.Default, g.Stage)
	})
}

func printSettings(w io.Writer, s api.ClusterSettings) error {
	var gates []string
	for _, name := range slices.Sorted(maps.Keys(s.FeatureGates)) {
		gates = append(gates, fmt.Sprintf("%s=%t", name, s.FeatureGates[name]))
	}
	var t output.Table
	t.Row("feature gates", cmp.Or(strings.Join(gates, ", "), "as by default"))
	t.Row("audit log", output.YesNo(s.AuditLog))
	t.Row("kube-proxy mode", cmp.Or(s.KubeProxyMode, api.KubeProxyModes[0]))
	t.Row("nrg lockdown", cmp.Or(s.Restriction, api.RestrictionLevels[0]))
	t.Row("node OS upgrade channel", cmp.Or(s.NodeOSChannel, api.NodeOSChannels[0]))
	t.Row("auto-upgrade channel", cmp.Or(s.UpgradeChannel, api.UpgradeChannels[0]))
	t.Row("outbound", s.LoadBalancer.String())
	t.Row("app routing", map[bool]string{true: "enabled", false: "disabled"}[s.AppRouting])
	return t.Write(w, output.LineWidth)
}
