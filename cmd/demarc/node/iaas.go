package node

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// voidsSupport is what the contract says of the commands here.
const voidsSupport = `Nodes appear in the cloud as ordinary VMs of a resource group MC_…, and can be
changed there, past AKS. Such changes by IaaS APIs void support (policy 2019-04),
and may be lost when the node is repaired or updated.`

func iaasCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "iaas",
		Short: "Change the nodes' VMs, network, disks and load balancers as IaaS resources, past AKS",
		Long:  voidsSupport,
		Example: `  demarc iaas vm list
  demarc iaas vm deallocate 0
  demarc iaas nsg set no-443 --priority 200 --port 443 --to Internet
  demarc iaas disk list`,
	}, iaasVMCmd(env), iaasNSGCmd(env), iaasDiskCmd(env), iaasShareCmd(env), iaasLBCmd(env), iaasRouteCmd(env), iaasVNetCmd(env))
}

func iaasVMCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "vm",
		Short: "See and change the VMs of the nodes",
		Long:  voidsSupport + "\n\nA VM is named by its index from 0, its vmss suffix or its full name.",
		Example: `  demarc iaas vm list
  demarc iaas vm stop 0
  demarc iaas vm resize vmss000001 Standard_D8s_v5`,
	},
		vmListCmd(env),
		vmActionCmd(env, "stop", "Stop a VM; it keeps its host"),
		vmActionCmd(env, "deallocate", "Stop a VM and give up its host"),
		vmActionCmd(env, "start", "Start a VM that was stopped or deallocated"),
		vmActionCmd(env, "restart", "Restart a VM the hard way"),
		vmActionCmd(env, "delete", "Delete a VM and its disk"),
		vmResizeCmd(env), vmTagCmd(env),
	)
}

func vmListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the VMs of the nodes", Args: cobra.NoArgs,
		Example: "  demarc iaas vm list -o json",
		RunE:    command.List(env, func(ctx context.Context, c *api.Client) ([]api.VM, error) { return c.VMs(ctx) }, "there is no VM", printVMs),
	}
}

var printVMs = output.Columns("VM\tPOWER\tSIZE\tIMAGE\tGROUP\tTAGS", func(v api.VM) []any {
	return []any{v.Name, v.Power, v.Size, v.NodeImage, v.ResourceGroup, tagText(v.Tags)}
})

// tagText writes tags in the order of their names.
func tagText(tags map[string]string) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		words = append(words, key+"="+tags[key])
	}
	return strings.Join(words, ",")
}

func vmActionCmd(env *command.Env, action, short string) *cobra.Command {
	return &cobra.Command{
		Use: action + " VM", Short: short, Args: cobra.ExactArgs(1),
		Long:              short + ".\n\n" + voidsSupport,
		Example:           "  demarc iaas vm " + action + " 0",
		ValidArgsFunction: command.Nodes(env),
		RunE: doVM(env, func(args []string) (api.VMRequest, error) {
			return api.VMRequest{Action: action, VM: args[0]}, nil
		}),
	}
}

func vmResizeCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "resize VM SIZE", Short: "Give a VM another size, which restarts it", Args: cobra.ExactArgs(2),
		Long:    "Resize gives a VM another size, which restarts it.\n\n" + voidsSupport,
		Example: "  demarc iaas vm resize 0 Standard_D8s_v5",
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return cloud.Sizes(), cobra.ShellCompDirectiveNoFileComp
			}
			return command.Nodes(env)(c, args, word)
		},
		RunE: doVM(env, func(args []string) (api.VMRequest, error) {
			size, err := cloud.Size(args[1])
			return api.VMRequest{Action: "resize", VM: args[0], Size: size}, err
		}),
	}
}

func vmTagCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "tag VM NAME=VALUE…", Short: "Set tags of a VM; NAME= takes one away", Args: cobra.MinimumNArgs(2),
		Long:              "Tag sets tags of a VM; NAME= takes one away.\n\n" + voidsSupport,
		Example:           "  demarc iaas vm tag 0 team=web old=",
		ValidArgsFunction: command.Nodes(env),
		RunE: doVM(env, func(args []string) (api.VMRequest, error) {
			tags := map[string]string{}
			for _, w := range args[1:] {
				name, value, ok := strings.Cut(w, "=")
				if !ok || name == "" {
					return api.VMRequest{}, fmt.Errorf("%q is no tag: want NAME=VALUE, or NAME= to take it away", w)
				}
				tags[name] = value
			}
			return api.VMRequest{Action: "tag", VM: args[0], Tags: tags}, nil
		}),
	}
}

// doVM runs a command that does with a VM what its arguments say.
func doVM(env *command.Env, request func(args []string) (api.VMRequest, error)) func(*cobra.Command, []string) error {
	do := func(ctx context.Context, c *api.Client, r api.VMRequest) (api.VM, error) { return c.DoVM(ctx, r) }
	return pastAKS(env, request, do, func(r api.VMRequest, v api.VM) string {
		done := v.Power
		switch r.Action {
		case "delete":
			done = "it is gone"
		case "resize":
			done = v.Size
		case "tag":
			done = tagText(v.Tags)
		}
		return fmt.Sprintf("%s %s: %s", r.Action, v.Name, done)
	})
}

// pastAKS runs a command that does with a resource of the cloud what its arguments say, and
// prints in a sentence what that was and what the resource is then.
func pastAKS[R, A any](env *command.Env, request func(args []string) (R, error), do func(context.Context, *api.Client, R) (A, error), sentence func(R, A) string) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		r, err := request(args)
		if err != nil {
			return command.BadInput(err)
		}
		ask := func(ctx context.Context, c *api.Client, _ []string) (A, error) { return do(ctx, c, r) }
		return command.Ask(env, ask, func(w io.Writer, a A) error {
			warnIaaS(env)
			_, err := terminal.Fprintf(w, "%s\n", sentence(r, a))
			return err
		})(c, args)
	}
}

// gibibytes reads a size.
func gibibytes(text string) (int64, error) {
	gib, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no size: want a whole number of GiB, such as 64", text)
	}
	return gib, nil
}

// warnIaaS reminds a customer of the contract.
func warnIaaS(env *command.Env) {
	if env.Role() == api.RoleCustomer {
		fmt.Fprintln(env.Err, "demarc: changes by IaaS APIs void support")
	}
}
