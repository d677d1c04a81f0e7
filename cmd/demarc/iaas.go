package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

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

func (a *app) iaasCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "iaas",
		Short: "Change the nodes' VMs and their network as IaaS resources, past AKS",
		Long:  voidsSupport,
		Example: `  demarc iaas vm list
  demarc iaas vm deallocate 0
  demarc iaas nsg set no-443 --priority 200 --port 443 --to Internet`,
	}, a.iaasVMCmd(), a.iaasNSGCmd())
}

func (a *app) iaasVMCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "vm",
		Short: "See and change the VMs of the nodes",
		Long:  voidsSupport + "\n\nA VM is named by its index from 0, its vmss suffix or its full name.",
		Example: `  demarc iaas vm list
  demarc iaas vm stop 0
  demarc iaas vm resize vmss000001 Standard_D8s_v5`,
	},
		a.vmListCmd(),
		a.vmActionCmd("stop", "Stop a VM; it keeps its host"),
		a.vmActionCmd("deallocate", "Stop a VM and give up its host"),
		a.vmActionCmd("start", "Start a VM that was stopped or deallocated"),
		a.vmActionCmd("restart", "Restart a VM the hard way"),
		a.vmActionCmd("delete", "Delete a VM and its disk"),
		a.vmResizeCmd(), a.vmTagCmd(),
	)
}

func (a *app) vmListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the VMs of the nodes", Args: cobra.NoArgs,
		Example: "  demarc iaas vm list -o json",
		RunE:    listed(a, func(ctx context.Context, c *api.Client) ([]api.VM, error) { return c.VMs(ctx) }, "there is no VM", printVMs),
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

func (a *app) vmActionCmd(action, short string) *cobra.Command {
	return &cobra.Command{
		Use: action + " VM", Short: short, Args: cobra.ExactArgs(1),
		Long:              short + ".\n\n" + voidsSupport,
		Example:           "  demarc iaas vm " + action + " 0",
		ValidArgsFunction: a.completeNodes,
		RunE: func(c *cobra.Command, args []string) error {
			return a.doVM(c, api.VMRequest{Action: action, VM: args[0]})
		},
	}
}

func (a *app) vmResizeCmd() *cobra.Command {
	return &cobra.Command{
		Use: "resize VM SIZE", Short: "Give a VM another size, which restarts it", Args: cobra.ExactArgs(2),
		Long:    "Resize gives a VM another size, which restarts it.\n\n" + voidsSupport,
		Example: "  demarc iaas vm resize 0 Standard_D8s_v5",
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return cloud.Sizes(), cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeNodes(c, args, word)
		},
		RunE: func(c *cobra.Command, args []string) error {
			size, err := cloud.Size(args[1])
			if err != nil {
				return badInput(err)
			}
			return a.doVM(c, api.VMRequest{Action: "resize", VM: args[0], Size: size.Name})
		},
	}
}

func (a *app) vmTagCmd() *cobra.Command {
	return &cobra.Command{
		Use: "tag VM NAME=VALUE…", Short: "Set tags of a VM; NAME= takes one away", Args: cobra.MinimumNArgs(2),
		Long:              "Tag sets tags of a VM; NAME= takes one away.\n\n" + voidsSupport,
		Example:           "  demarc iaas vm tag 0 team=web old=",
		ValidArgsFunction: a.completeNodes,
		RunE: func(c *cobra.Command, args []string) error {
			tags := map[string]string{}
			for _, w := range args[1:] {
				name, value, ok := strings.Cut(w, "=")
				if !ok || name == "" {
					return badInput(fmt.Errorf("%q is no tag: want NAME=VALUE, or NAME= to take it away", w))
				}
				tags[name] = value
			}
			return a.doVM(c, api.VMRequest{Action: "tag", VM: args[0], Tags: tags})
		},
	}
}

// doVM does something with a VM and prints what it is then.
func (a *app) doVM(c *cobra.Command, req api.VMRequest) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	v, err := client.DoVM(c.Context(), req)
	if err != nil {
		return err
	}
	if a.JSON() {
		return a.Value(v)
	}
	done := req.Action + " " + v.Name + ": "
	switch req.Action {
	case "delete":
		done += "it is gone"
	case "resize":
		done += v.Size
	case "tag":
		done += tagText(v.Tags)
	default:
		done += v.Power
	}
	a.warnIaaS()
	_, err = terminal.Fprintf(a.Out, "%s\n", done)
	return err
}

// warnIaaS reminds a customer of the contract.
func (a *app) warnIaaS() {
	if api.Role(a.as) == api.RoleCustomer {
		fmt.Fprintln(a.Err, "demarc: changes by IaaS APIs void support")
	}
}
