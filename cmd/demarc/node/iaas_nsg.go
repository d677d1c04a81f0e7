package node

import (
	"context"
	"fmt"
	"io"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func iaasNSGCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "nsg",
		Short: "See and change the network security group of the nodes' subnet",
		Long:  voidsSupport,
		Example: `  demarc iaas nsg list
  demarc iaas nsg set no-443 --priority 200 --port 443 --to Internet
  demarc iaas nsg delete no-443`,
	}, nsgListCmd(env), nsgSetCmd(env), nsgDeleteCmd(env))
}

func nsgListCmd(env *command.Env) *cobra.Command {
	var defaults bool
	c := &cobra.Command{
		Use: "list", Short: "List the security rules", Args: cobra.NoArgs,
		Example: "  demarc iaas nsg list --include-default",
		RunE: command.List(env, func(ctx context.Context, c *api.Client) ([]api.NSGRule, error) {
			list, err := rules(ctx, c)
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

func nsgSetCmd(env *command.Env) *cobra.Command {
	var r api.NSGRule
	c := &cobra.Command{
		Use: "set NAME --priority N", Short: "Add a security rule, or replace the one of that name", Args: cobra.ExactArgs(1),
		Long: `Set adds a security rule, or replaces the one of that name. Of the rules of a
direction the one with the lowest priority number that matches decides; Azure's
default rules come last.

` + voidsSupport,
		Example: `  demarc iaas nsg set no-443 --priority 200 --port 443 --to Internet
  demarc iaas nsg set let-mcr --priority 100 --access Allow --port 443 --to MicrosoftContainerRegistry`,
		ValidArgsFunction: completeRules(env),
		PreRunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("priority") {
				return &engine.InputError{Message: "a security rule needs a priority", Hint: fmt.Sprintf("give --priority %d to %d", cloud.MinPriority, cloud.MaxPriority)}
			}
			r.Name = args[0]
			if err := (&cloud.NSG{}).Set(r); err != nil {
				return command.BadInput(err)
			}
			return nil
		},
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.NSGRule, error) { return c.SetNSGRule(ctx, r) },
			func(w io.Writer, set api.NSGRule) error {
				warnIaaS(env)
				return printRules(w, []api.NSGRule{set})
			}),
	}
	f := c.Flags()
	f.IntVar(&r.Priority, "priority", 0, fmt.Sprintf("%d to %d; the lowest number is looked at first", cloud.MinPriority, cloud.MaxPriority))
	f.StringVar(&r.Direction, "direction", cloud.Outbound, "Inbound or Outbound")
	f.StringVar(&r.Access, "access", cloud.Deny, "Allow or Deny")
	f.StringVar(&r.Protocol, "protocol", cloud.Any, "Tcp, Udp or *")
	f.StringSliceVar(&r.Ports, "port", []string{cloud.Any}, "ports and ranges such as 8000-8999, or *")
	f.StringVar(&r.Destination, "to", cloud.Any, "destination: a service tag such as Internet, an address prefix, or *")
	f.StringVar(&r.Source, "from", cloud.Any, "source: likewise")
	command.CompleteFlag(c, "direction", command.Words(cloud.Inbound, cloud.Outbound))
	command.CompleteFlag(c, "access", command.Words(cloud.Allow, cloud.Deny))
	command.CompleteFlag(c, "protocol", command.Words("Tcp", "Udp", cloud.Any))
	for _, name := range []string{"to", "from"} {
		command.CompleteFlag(c, name, command.Words(cloud.ServiceTags()...))
	}
	return c
}

func nsgDeleteCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Delete a security rule", Args: cobra.ExactArgs(1),
		Long:              "Delete takes a security rule away.\n\n" + voidsSupport,
		Example:           "  demarc iaas nsg delete no-443",
		ValidArgsFunction: completeRules(env),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := env.Client()
			if err != nil {
				return err
			}
			if err := client.DeleteNSGRule(c.Context(), args[0]); err != nil {
				return err
			}
			terminal.Fprintf(env.Err, "deleted %s\n", args[0])
			return nil
		},
	}
}

// completeRules completes the names of security rules.
func completeRules(env *command.Env) cobra.CompletionFunc {
	return command.ListCompletion(env, rules, func(r api.NSGRule) string {
		return fmt.Sprintf("%s\t%s %s, priority %d", r.Name, r.Access, r.Direction, r.Priority)
	})
}

func rules(ctx context.Context, c *api.Client) ([]api.NSGRule, error) { return c.NSG(ctx) }
