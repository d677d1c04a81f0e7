package main

import (
	"context"
	"fmt"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) iaasNSGCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "nsg",
		Short: "See and change the network security group of the nodes' subnet",
		Long:  voidsSupport,
		Example: `  demarc iaas nsg list
  demarc iaas nsg set no-443 --priority 200 --port 443 --to Internet
  demarc iaas nsg delete no-443`,
	}, a.nsgListCmd(), a.nsgSetCmd(), a.nsgDeleteCmd())
}

func (a *app) nsgListCmd() *cobra.Command {
	var defaults bool
	c := &cobra.Command{
		Use: "list", Short: "List the security rules", Args: cobra.NoArgs,
		Example: "  demarc iaas nsg list --include-default",
		RunE: listed(a, func(ctx context.Context, c *api.Client) ([]api.NSGRule, error) {
			list, err := c.NSG(ctx)
			if defaults {
				list = append(list, cloud.DefaultRules()...)
			}
			return list, err
		}, "there are only Azure's default rules (demarc iaas nsg list --include-default)", printRules),
	}
	c.Flags().BoolVar(&defaults, "include-default", false, "also list Azure's default rules")
	return c
}

var printRules = output.Columns("RULE\tPRIORITY\tDIRECTION\tACCESS\tPROTOCOL\tPORTS\tFROM\tTO", func(r api.NSGRule) []any {
	return []any{r.Name, r.Priority, r.Direction, r.Access, r.Protocol, strings.Join(r.Ports, ","), r.Source, r.Destination}
})

func (a *app) nsgSetCmd() *cobra.Command {
	var r api.NSGRule
	c := &cobra.Command{
		Use: "set NAME --priority N", Short: "Add a security rule, or replace the one of that name", Args: cobra.ExactArgs(1),
		Long: `Set adds a security rule, or replaces the one of that name. Of the rules of a
direction the one with the lowest priority number that matches decides; Azure's
default rules come last.

` + voidsSupport,
		Example: `  demarc iaas nsg set no-443 --priority 200 --port 443 --to Internet
  demarc iaas nsg set let-mcr --priority 100 --access Allow --port 443 --to MicrosoftContainerRegistry`,
		ValidArgsFunction: a.completeRules,
		RunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("priority") {
				return &engine.InputError{Message: "a security rule needs a priority", Hint: fmt.Sprintf("give --priority %d to %d", cloud.MinPriority, cloud.MaxPriority)}
			}
			r.Name = args[0]
			if err := (&cloud.NSG{}).Set(r); err != nil {
				return badInput(err)
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			set, err := client.SetNSGRule(c.Context(), r)
			if err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(set)
			}
			a.warnIaaS()
			return printRules(a.Out, []api.NSGRule{set})
		},
	}
	f := c.Flags()
	f.IntVar(&r.Priority, "priority", 0, fmt.Sprintf("%d to %d; the lowest number is looked at first", cloud.MinPriority, cloud.MaxPriority))
	f.StringVar(&r.Direction, "direction", cloud.Outbound, "Inbound or Outbound")
	f.StringVar(&r.Access, "access", cloud.Deny, "Allow or Deny")
	f.StringVar(&r.Protocol, "protocol", cloud.Any, "Tcp, Udp or *")
	f.StringSliceVar(&r.Ports, "port", []string{cloud.Any}, "ports and ranges such as 8000-8999, or *")
	f.StringVar(&r.Destination, "to", cloud.Any, "destination: a service tag such as Internet, an address prefix, or *")
	f.StringVar(&r.Source, "from", cloud.Any, "source: likewise")
	must(c.RegisterFlagCompletionFunc("direction", complete(cloud.Inbound, cloud.Outbound)))
	must(c.RegisterFlagCompletionFunc("access", complete(cloud.Allow, cloud.Deny)))
	must(c.RegisterFlagCompletionFunc("protocol", complete("Tcp", "Udp", cloud.Any)))
	for _, name := range []string{"to", "from"} {
		must(c.RegisterFlagCompletionFunc(name, complete(cloud.ServiceTags()...)))
	}
	return c
}

func (a *app) nsgDeleteCmd() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Delete a security rule", Args: cobra.ExactArgs(1),
		Long:              "Delete takes a security rule away.\n\n" + voidsSupport,
		Example:           "  demarc iaas nsg delete no-443",
		ValidArgsFunction: a.completeRules,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := client.DeleteNSGRule(c.Context(), args[0]); err != nil {
				return err
			}
			terminal.Fprintf(a.Err, "deleted %s\n", args[0])
			return nil
		},
	}
}

// completeRules completes the names of security rules.
func (a *app) completeRules(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if len(args) == 0 {
		for _, r := range a.knownRules(c.Context()) {
			words = append(words, fmt.Sprintf("%s\t%s %s, priority %d", r.Name, r.Access, r.Direction, r.Priority))
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) knownRules(ctx context.Context) []api.NSGRule {
	client, err := a.client()
	if err != nil {
		return nil // without an answer there is nothing to complete
	}
	list, _ := client.NSG(ctx) // likewise
	return list
}
