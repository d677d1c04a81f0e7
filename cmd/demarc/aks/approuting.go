package aks

import (
	"context"

	"demarc/cmd/demarc/command"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func appRoutingCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "approuting",
		Short: "Enable or disable the application routing add-on, AKS's managed Ingress controller",
		Long: `The application routing add-on is a controller of nginx that AKS manages, in namespace
` + api.AppRoutingNamespace + `. It serves the Ingresses of class ` + api.AppRoutingClass + `
at the address of the load balancer of its Service nginx.`,
		Example: `  demarc aks approuting enable
  demarc kubectl -- get svc -n ` + api.AppRoutingNamespace + `
  demarc aks approuting disable`,
	}, switchAppRoutingCmd(env, "enable", "Enable the application routing add-on", true),
		switchAppRoutingCmd(env, "disable", "Disable the application routing add-on; its namespace and its ConfigMap stay", false))
}

// switchAppRoutingCmd is enable or disable.
func switchAppRoutingCmd(env *command.Env, use, short string, on bool) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Example: "  demarc aks approuting " + use + "\n  demarc aks approuting " + use + " -o json",
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.ClusterSettings, error) {
			return c.Update(ctx, api.UpdateRequest{AppRouting: &on})
		}, printSettings),
	}
}
