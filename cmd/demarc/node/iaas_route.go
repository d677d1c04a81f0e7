package node

import (
	"context"
	"fmt"
	"io"
	"path"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func iaasRouteCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "route",
		Short: "See and change the routes of the nodes' subnet",
		Long: voidsSupport + `

With network plugin kubenet a route leads to the pods of each node, by way of the
node. Kubernetes' route controller makes one again that is missing, within three
minutes.`,
		Example: `  demarc iaas route list
  demarc iaas route delete 0`,
	}, routeListCmd(env), routeDeleteCmd(env))
}

func routeListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the routes, one for the pods of each node", Args: cobra.NoArgs,
		Example: "  demarc iaas route list -o json",
		RunE: command.List(env, func(ctx context.Context, c *api.Client) ([]api.AzureRoute, error) { return c.Routes(ctx) },
			"there is no route: the cluster's network plugin needs none, or its nodes are new", printRoutes),
	}
}

var printRoutes = output.Columns("ROUTE\tPREFIX\tNEXT HOP\tTYPE\tSTATE", func(r api.AzureRoute) []any {
	return []any{r.Name, r.Prefix, r.NextHop, r.NextHopType, r.State}
})

func routeDeleteCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "delete ROUTE", Short: "Delete the route to the pods of a node", Args: cobra.ExactArgs(1),
		Long: `Delete takes a route away, which is named as its node, or by what names that: an
index from 0, a vmss suffix. What other nodes send to the pods of that node is
dropped, and so is what they answer.

` + voidsSupport,
		Example:           "  demarc iaas route delete 0",
		ValidArgsFunction: command.Nodes(env),
		RunE: pastAKS(env, func(args []string) (api.RouteRequest, error) {
			return api.RouteRequest{Action: api.RouteDelete, Route: args[0]}, nil
		}, func(ctx context.Context, c *api.Client, r api.RouteRequest) (api.AzureRoute, error) {
			return c.DoRoute(ctx, r)
		}, func(r api.RouteRequest, x api.AzureRoute) string {
			return fmt.Sprintf("%s %s: nothing leads to %s any more", r.Action, x.Name, x.Prefix)
		}),
	}
}

func iaasVNetCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:     "vnet",
		Short:   "See the virtual network of the nodes",
		Long:    "A virtual network holds the nodes' subnet, with its security group and its routes.",
		Example: "  demarc iaas vnet show",
	}, &cobra.Command{
		Use: "show", Short: "Show the virtual network, its subnets and how many addresses are used", Args: cobra.NoArgs,
		Example: "  demarc iaas vnet show -o json",
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.VirtualNetwork, error) {
			return c.VirtualNetwork(ctx)
		}, printNetwork),
	})
}

func printNetwork(w io.Writer, v api.VirtualNetwork) error {
	if _, err := terminal.Fprintf(w, "%s: %s, network plugin %s\n\n", v.Name, v.AddressSpace, v.NetworkPlugin); err != nil {
		return err
	}
	return subnetColumns(w, v.Subnets)
}

// tableOf is the name of a subnet's route table.
func tableOf(s api.Subnet) string {
	if s.RouteTable == "" {
		return "-"
	}
	return path.Base(s.RouteTable)
}

var subnetColumns = output.Columns("SUBNET\tPREFIX\tADDRESSES\tUSED\tROUTE TABLE", func(s api.Subnet) []any {
	return []any{s.Name, s.Prefix, s.Addresses, s.Used, tableOf(s)}
})
