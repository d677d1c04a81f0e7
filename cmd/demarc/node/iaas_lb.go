package node

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func iaasLBCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "lb",
		Short: "See and change the load balancers of the node resource group",
		Long: voidsSupport + `

AKS makes kubernetes for Services on the internet, and kubernetes-internal for
those with the annotation azure-load-balancer-internal. What is changed behind
its back it makes good when it looks at the Service next: when that changes, or
when nodes come and go.`,
		Example: `  demarc iaas lb list
  demarc iaas lb outbound
  demarc iaas lb delete-rule service:default/shop`,
	}, lbListCmd(env), lbOutboundCmd(env), lbDeleteRuleCmd(env))
}

func lbListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the rules of the load balancers, and how many nodes answer their probes", Args: cobra.NoArgs,
		Example: "  demarc iaas lb list -o json",
		RunE:    command.List(env, loadBalancers, "there is no load balancer", printBalancers),
	}
}

func loadBalancers(ctx context.Context, c *api.Client) ([]api.AzureLoadBalancer, error) {
	return c.LoadBalancers(ctx)
}

// serviceWidth is how much of a Service's name is listed.
const serviceWidth = 24

// balancerRow is a rule of a load balancer with what belongs to it.
type balancerRow struct {
	balancer string
	rule     api.BalancerRule
	probe    string
	up, of   int
}

// printBalancers lists the rules of load balancers.
func printBalancers(w io.Writer, list []api.AzureLoadBalancer) error {
	var rows []balancerRow
	for _, l := range list {
		for _, r := range l.Rules {
			row := balancerRow{balancer: l.Name, rule: r, probe: "-", of: len(l.Pool)}
			for _, p := range l.Probes {
				if p.Name == r.Probe {
					row.probe = fmt.Sprintf("%s:%d%s %ds x%d", p.Protocol, p.Port, p.Path, p.Interval, p.Threshold)
				}
			}
			for _, m := range l.Pool {
				if r.Probe == "" || slices.Contains(m.Up, r.Probe) {
					row.up++
				}
			}
			rows = append(rows, row)
		}
	}
	return balancerColumns(w, rows)
}

var balancerColumns = output.Columns("LOAD BALANCER\tSERVICE\tADDRESS\tIDLE\tPROBE\tUP", func(r balancerRow) []any {
	return []any{
		r.balancer, output.Middle(r.rule.Service, serviceWidth), fmt.Sprintf("%s:%d/%s", r.rule.Address, r.rule.Port, r.rule.Protocol),
		fmt.Sprintf("%dm", r.rule.IdleTimeout), r.probe, fmt.Sprintf("%d/%d", r.up, r.of),
	}
})

func lbDeleteRuleCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "delete-rule RULE", Short: "Delete a rule, or all of a Service as service:NAMESPACE/NAME", Args: cobra.ExactArgs(1),
		Long: `Delete-rule takes a rule of a load balancer away: what comes to that port of its
address is dropped from then on.

` + voidsSupport,
		Example:           "  demarc iaas lb delete-rule service:default/shop",
		ValidArgsFunction: completeBalancerRules(env),
		RunE: pastAKS(env, func(args []string) (api.BalancerRequest, error) {
			return api.BalancerRequest{Action: api.BalancerDeleteRule, Rule: args[0]}, nil
		}, func(ctx context.Context, c *api.Client, r api.BalancerRequest) (api.AzureLoadBalancer, error) {
			return c.DoLoadBalancer(ctx, r)
		}, func(r api.BalancerRequest, l api.AzureLoadBalancer) string {
			return fmt.Sprintf("%s %s: %s has %d rules", r.Action, r.Rule, l.Name, len(l.Rules))
		}),
	}
}

// completeBalancerRules completes the rules of load balancers, by their Services.
func completeBalancerRules(env *command.Env) cobra.CompletionFunc {
	return command.ListCompletion(env, func(ctx context.Context, c *api.Client) ([]api.BalancerRule, error) {
		list, err := c.LoadBalancers(ctx)
		var rules []api.BalancerRule
		for _, l := range list {
			rules = append(rules, l.Rules...)
		}
		return rules, err
	}, func(r api.BalancerRule) string {
		return strings.TrimSpace(fmt.Sprintf("%s\t%s of %s", r.Name, fmt.Sprintf("%s:%d", r.Address, r.Port), cmp.Or(r.Service, "-")))
	})
}
