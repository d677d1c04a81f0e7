package node

import (
	"context"
	"fmt"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func iaasShareCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "share",
		Short: "See and change the file shares of the node resource group",
		Long: voidsSupport + `

A share is named as ACCOUNT/NAME, or as claim:NAMESPACE/NAME by the
PersistentVolumeClaim that it was made for. One that was made for a claim, and
that no PersistentVolume of the cluster names any more, is an orphan: nobody will
delete it, and it is billed.`,
		Example: `  demarc iaas share list
  demarc iaas share delete claim:default/books`,
	},
		&cobra.Command{
			Use: "list", Short: "List the file shares", Args: cobra.NoArgs,
			Example: "  demarc iaas share list -o json",
			RunE:    command.List(env, shares, "there is no file share", printShares),
		},
		&cobra.Command{
			Use: "delete SHARE", Short: "Delete a share with all that is on it, though nodes have it mounted", Args: cobra.ExactArgs(1),
			Long:              "Delete a share with all that is on it, though nodes have it mounted.\n\n" + voidsSupport,
			Example:           "  demarc iaas share delete claim:default/books",
			ValidArgsFunction: completeShares(env),
			RunE: doShare(env, func(args []string) (api.ShareRequest, error) {
				return api.ShareRequest{Action: api.ShareDelete, Share: args[0]}, nil
			}),
		},
		&cobra.Command{
			Use: "resize SHARE GIB", Short: "Give a share another quota", Args: cobra.ExactArgs(2),
			Long: `Resize gives a share another quota, which counts at once wherever it is mounted. The
PersistentVolume stays as it is.

` + voidsSupport,
			Example:           "  demarc iaas share resize claim:default/books 64",
			ValidArgsFunction: completeShares(env),
			RunE: doShare(env, func(args []string) (api.ShareRequest, error) {
				gib, err := gibibytes(args[1])
				return api.ShareRequest{Action: api.ShareResize, Share: args[0], QuotaGiB: gib}, err
			}),
		},
	)
}

func shares(ctx context.Context, c *api.Client) ([]api.FileShare, error) { return c.Shares(ctx) }

var printShares = output.Columns("SHARE\tACCOUNT\tQUOTA\tUSED\tSKU\tCLAIM", func(s api.FileShare) []any {
	return []any{
		output.Middle(s.Name, resourceWidth), output.Middle(s.Account, accountWidth), fmt.Sprintf("%d GiB", s.QuotaGiB), output.Size(s.Used), s.SKU, claimText(s.Claim, s.Orphan),
	}
})

// accountWidth is how much of a storage account's name is listed.
const accountWidth = 14

// completeShares completes the names of file shares.
func completeShares(env *command.Env) cobra.CompletionFunc {
	return command.ListCompletion(env, shares, func(s api.FileShare) string {
		return strings.TrimSpace(fmt.Sprintf("%s/%s\t%d GiB %s", s.Account, s.Name, s.QuotaGiB, s.Claim))
	})
}

// doShare runs a command that does with a share what its arguments say.
func doShare(env *command.Env, request func(args []string) (api.ShareRequest, error)) func(*cobra.Command, []string) error {
	do := func(ctx context.Context, c *api.Client, r api.ShareRequest) (api.FileShare, error) {
		return c.DoShare(ctx, r)
	}
	return pastAKS(env, request, do, func(r api.ShareRequest, s api.FileShare) string {
		done := fmt.Sprintf("%d GiB, %s", s.QuotaGiB, s.SKU)
		if r.Action == api.ShareDelete {
			done = "it is gone"
		}
		return fmt.Sprintf("%s %s: %s", r.Action, s.Name, done)
	})
}
