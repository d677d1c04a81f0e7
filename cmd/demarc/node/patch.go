package node

import (
	"cmp"
	"context"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func patchCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "patch",
		Short: "See and publish patches of the nodes' operating system",
		Long: `Patches wait in the security pocket of the archives. Each node installs them by
itself between 06:00 and 07:00 UTC, if it reaches the archives and nobody on it
holds the package. Some have effect only after a reboot, which is the customer's.
The archives have new ones every few days; the provider can publish more.`,
		Example: `  demarc patch list
  demarc --as provider patch publish linux-image-azure
  demarc --as provider patch publish openssl --breaks kubelet`,
	}, patchListCmd(env), patchPublishCmd(env), patchWithdrawCmd(env))
}

func patchListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the patches and how many nodes run them", Args: cobra.NoArgs,
		Example: "  demarc patch list -o json",
		RunE:    command.List(env, func(ctx context.Context, c *api.Client) ([]api.Patch, error) { return c.Patches(ctx) }, "there is no patch yet", printPatches),
	}
}

var printPatches = output.Columns("PACKAGE\tVERSION\tPUBLISHED\tREBOOT\tRUNS ON\tWAIT\tBREAKS", func(p api.Patch) []any {
	breaks := cmp.Or(p.Breaks, "nothing")
	if p.Withdrawn {
		breaks += " (withdrawn)"
	}
	return []any{p.Package, p.Version, output.DateTime(p.Published), output.YesNo(p.Reboot), len(p.Nodes), len(p.Waiting), breaks}
})

func patchPublishCmd(env *command.Env) *cobra.Command {
	var req api.PatchRequest
	c := &cobra.Command{
		Use: "publish PACKAGE [VERSION]", Short: "Publish a patch, as the provider", Args: cobra.RangeArgs(1, 2),
		Long: `Publish puts a newer version of a package of the node image into the archives.
Without a version it is the next one. It is the provider's: without --as provider
the engine refuses.`,
		Example: `  demarc --as provider patch publish libc6 --reboot
  demarc --as provider patch publish linux-image-azure 5.15.0.1120.117`,
		ValidArgsFunction: command.FirstOf(func(*cobra.Command) []string {
			return []string{"linux-image-azure", "libc6", "openssl", "openssh-server", "curl", "systemd", "moby-containerd", "moby-runc"}
		}),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.Patch, error) {
			req.Package = args[0]
			if len(args) > 1 {
				req.Version = args[1]
			}
			return c.PublishPatch(ctx, req)
		}, output.Sentence(func(p api.Patch) string {
			return "published " + p.Package + " " + p.Version + ": the nodes install it between 06:00 and 07:00 UTC"
		})),
	}
	c.Flags().BoolVar(&req.Reboot, "reboot", false, "it has effect only after a reboot; a kernel always does")
	c.Flags().StringVar(&req.Breaks, "breaks", "", "what does not work with it: kubelet, containerd or boot")
	command.CompleteFlag(c, "breaks", command.Words(api.PatchBreaks...))
	return c
}

func patchWithdrawCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw PACKAGE VERSION", Short: "Take a patch back, as the provider", Args: cobra.ExactArgs(2),
		Long:              "Withdraw keeps a patch from nodes that do not have it yet. Those that have it keep it.",
		Example:           "  demarc --as provider patch withdraw openssl 3.0.2-0ubuntu1.21",
		ValidArgsFunction: completePublished(env),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (map[string]string, error) {
			return map[string]string{"withdrawn": args[0] + " " + args[1]}, c.WithdrawPatch(ctx, args[0], args[1])
		}, output.Sentence(func(done map[string]string) string { return "withdrew " + done["withdrawn"] })),
	}
}

// completePublished completes the package, then the version, of patches that are not
// withdrawn.
func completePublished(env *command.Env) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) (words []string, _ cobra.ShellCompDirective) {
		client, err := env.Client()
		if err != nil || len(args) > 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		list, _ := client.Patches(c.Context()) // without an answer there is nothing to complete
		for _, p := range list {
			switch {
			case p.Withdrawn:
			case len(args) == 0:
				words = append(words, p.Package+"\t"+p.Version)
			case p.Package == args[0]:
				words = append(words, p.Version)
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}
