package node

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

func iaasDiskCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "disk",
		Short: "See and change the managed disks of the node resource group",
		Long: voidsSupport + `

A disk is named by its name, or as claim:NAMESPACE/NAME by the
PersistentVolumeClaim that it was made for. One that was made for a claim, and
that no PersistentVolume of the cluster names any more, is an orphan: nobody will
delete it, and it is billed.`,
		Example: `  demarc iaas disk list
  demarc iaas disk create scratch --size-gb 32 --zone 1
  demarc iaas disk detach claim:default/data`,
	},
		diskListCmd(env), diskCreateCmd(env),
		diskActionCmd(env, api.DiskDelete, "Delete a disk with all that is on it; an attached one cannot be"),
		diskActionCmd(env, api.DiskDetach, "Detach a disk from its VM, whoever uses it"),
		diskResizeCmd(env),
	)
}

func diskListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the managed disks", Args: cobra.NoArgs,
		Example: "  demarc iaas disk list -o json",
		RunE:    command.List(env, disks, "there is no managed disk", printDisks),
	}
}

func disks(ctx context.Context, c *api.Client) ([]api.Disk, error) { return c.Disks(ctx) }

// resourceWidth is how much of a disk's or share's name is listed: the two ends of what a
// claim's is called tell it apart.
const resourceWidth = 24

// claimText is the claim that something was made for.
func claimText(claim string, orphan bool) string {
	if orphan {
		return "orphan of " + claim
	}
	return cmp.Or(claim, "-")
}

var printDisks = output.Columns("DISK\tSIZE\tSKU\tTIER\tZONE\tVM\tCLAIM", func(d api.Disk) []any {
	return []any{
		output.Middle(d.Name, resourceWidth), fmt.Sprintf("%d GiB", d.SizeGiB), d.SKU, cmp.Or(d.Tier, "-"), cmp.Or(d.Zone, "-"), cmp.Or(vmSuffix(d.VM), "-"), claimText(d.Claim, d.Orphan),
	}
})

// vmSuffix is the end of a VM's name, which tells it apart in its pool.
func vmSuffix(vm string) string { return vm[strings.LastIndex(vm, "-")+1:] }

func diskCreateCmd(env *command.Env) *cobra.Command {
	var spec cloud.DiskSpec
	c := &cobra.Command{
		Use: "create DISK --size-gb N", Short: "Create an empty managed disk", Args: cobra.ExactArgs(1),
		Long: `Create makes an empty managed disk in the node resource group, for a
PersistentVolume that names it.

` + voidsSupport,
		Example: `  demarc iaas disk create scratch --size-gb 32 --zone 1
  demarc iaas disk create ledger --size-gb 256 --sku Premium_LRS`,
		ValidArgsFunction: cobra.NoFileCompletions,
		PreRunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("size-gb") {
				return &engine.InputError{Message: "a disk needs a size", Hint: "give --size-gb, such as --size-gb 32"}
			}
			spec.Name = args[0]
			if err := spec.Check(); err != nil {
				return command.BadInput(err)
			}
			return nil
		},
		RunE: doDisk(env, func([]string) (api.DiskRequest, error) {
			return api.DiskRequest{Action: api.DiskCreate, Disk: spec.Name, SizeGiB: spec.SizeGiB, SKU: spec.SKU, Zone: spec.Zone}, nil
		}),
	}
	f := c.Flags()
	f.Int64Var(&spec.SizeGiB, "size-gb", 0, "size in GiB")
	f.StringVar(&spec.SKU, "sku", cloud.DefaultDiskSKU, "kind of the disk")
	f.StringVar(&spec.Zone, "zone", "", "availability zone; without it the disk is in none")
	command.CompleteFlag(c, "sku", command.Words(cloud.DiskSKUs()...))
	command.CompleteFlag(c, "zone", command.Words(cloud.Zones...))
	return c
}

func diskActionCmd(env *command.Env, action, short string) *cobra.Command {
	return &cobra.Command{
		Use: action + " DISK", Short: short, Args: cobra.ExactArgs(1),
		Long: short + ".\n\n" + voidsSupport,
		Example: fmt.Sprintf(`  demarc iaas disk %s scratch
  demarc iaas disk %[1]s claim:default/data`, action),
		ValidArgsFunction: completeDisks(env),
		RunE: doDisk(env, func(args []string) (api.DiskRequest, error) {
			return api.DiskRequest{Action: action, Disk: args[0]}, nil
		}),
	}
}

func diskResizeCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "resize DISK GIB", Short: "Make a disk larger", Args: cobra.ExactArgs(2),
		Long: `Resize makes a disk larger. The PersistentVolume and the filesystem on it stay as
they are.

` + voidsSupport,
		Example:           "  demarc iaas disk resize scratch 64",
		ValidArgsFunction: completeDisks(env),
		RunE: doDisk(env, func(args []string) (api.DiskRequest, error) {
			gib, err := gibibytes(args[1])
			if err != nil {
				return api.DiskRequest{}, err
			}
			return api.DiskRequest{Action: api.DiskResize, Disk: args[0], SizeGiB: gib}, cloud.CheckDiskSize(gib)
		}),
	}
}

// completeDisks completes the names of disks.
func completeDisks(env *command.Env) cobra.CompletionFunc {
	return command.ListCompletion(env, disks, func(d api.Disk) string {
		return strings.TrimSpace(fmt.Sprintf("%s\t%d GiB, %s %s", d.Name, d.SizeGiB, d.State, d.Claim))
	})
}

// doDisk runs a command that does with a disk what its arguments say.
func doDisk(env *command.Env, request func(args []string) (api.DiskRequest, error)) func(*cobra.Command, []string) error {
	do := func(ctx context.Context, c *api.Client, r api.DiskRequest) (api.Disk, error) { return c.DoDisk(ctx, r) }
	return pastAKS(env, request, do, func(r api.DiskRequest, d api.Disk) string {
		done := fmt.Sprintf("%d GiB, %s", d.SizeGiB, strings.TrimSpace(d.SKU+" "+d.Tier))
		switch r.Action {
		case api.DiskDelete:
			done = "it is gone"
		case api.DiskDetach:
			done = d.State
		}
		return fmt.Sprintf("%s %s: %s", r.Action, d.Name, done)
	})
}
