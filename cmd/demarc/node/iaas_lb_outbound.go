package node

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func lbOutboundCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "outbound", Short: "See how many SNAT ports nodes have for the internet, and use", Args: cobra.NoArgs,
		Long: `Outbound lists the SNAT ports of each node: a port serves one connection to each
destination, and for four minutes after that was closed no other one. What finds no
port free is dropped and times out. demarc aks update changes how many there are.`,
		Example: "  demarc iaas lb outbound -o json",
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.Outbound, error) {
			return c.Outbound(ctx)
		}, printOutbound),
	}
}

func printOutbound(w io.Writer, o api.Outbound) error {
	if err := outboundColumns(w, o.Nodes); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", o.LoadBalancerProfile)
	return err
}

var outboundColumns = output.Columns("NODE\tPORTS\tUSED\tBUSIEST\tDROPPED", func(n api.OutboundNode) []any {
	return []any{n.VM, n.Allocated, n.Used, cmp.Or(n.Busiest, "-"), n.Dropped}
})
