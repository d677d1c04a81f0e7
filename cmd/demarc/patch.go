package main

import (
	"cmp"
	"context"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) patchCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "patch",
		Short: "See and publish patches of the nodes' operating system",
		Long: `Patches wait in the security pocket of the archives. Each node installs them by
itself between 06:00 and 07:00 UTC, if it reaches the archives and nobody on it
holds the package. Some have effect only after a reboot, which is the customer's.
The archives have new ones every few days; the provider can publish more.`,
		Example: `  demarc patch list
  demarc --as provider patch publish linux-image-azure
  demarc --as provider patch publish openssl --breaks kubelet`,
	}, a.patchListCmd(), a.patchPublishCmd(), a.patchWithdrawCmd())
}

func (a *app) patchListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the patches and how many nodes run them", Args: cobra.NoArgs,
		Example: "  demarc patch list -o json",
		RunE:    listed(a, func(ctx context.Context, c *api.Client) ([]api.Patch, error) { return c.Patches(ctx) }, "there is no patch yet", printPatches),
	}
}

var printPatches = output.Columns("PACKAGE\tVERSION\tPUBLISHED\tREBOOT\tRUNS ON\tWAIT\tBREAKS", func(p api.Patch) []any {
	breaks := cmp.Or(p.Breaks, "nothing")
	if p.Withdrawn {
		breaks += " (withdrawn)"
	}
	return []any{p.Package, p.Version, output.DateTime(p.Published), output.YesNo(p.Reboot), len(p.Nodes), len(p.Waiting), breaks}
})

func (a *app) patchPublishCmd() *cobra.Command {
	var reboot bool
	var breaks string
	c := &cobra.Command{
		Use: "publish PACKAGE [VERSION]", Short: "Publish a patch, as the provider", Args: cobra.RangeArgs(1, 2),
		Long: `Publish puts a newer version of a package of the node image into the archives.
Without a version it is the next one. It is the provider's: without --as provider
the engine refuses.`,
		Example: `  demarc --as provider patch publish libc6 --reboot
  demarc --as provider patch publish linux-image-azure 5.15.0.1120.117`,
		ValidArgsFunction: completePackages,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			req := api.PatchRequest{Package: args[0], Reboot: reboot, Breaks: breaks}
			if len(args) > 1 {
				req.Version = args[1]
			}
			p, err := client.PublishPatch(c.Context(), req)
			if err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(p)
			}
			_, err = terminal.Fprintf(a.Out, "published %s %s: the nodes install it between 06:00 and 07:00 UTC\n", p.Package, p.Version)
			return err
		},
	}
	c.Flags().BoolVar(&reboot, "reboot", false, "it has effect only after a reboot; a kernel always does")
	c.Flags().StringVar(&breaks, "breaks", "", "what does not work with it: kubelet, containerd or boot")
	must(c.RegisterFlagCompletionFunc("breaks", complete(api.PatchBreaks...)))
	return c
}

func (a *app) patchWithdrawCmd() *cobra.Command {
	return &cobra.Command{
		Use: "withdraw PACKAGE VERSION", Short: "Take a patch back, as the provider", Args: cobra.ExactArgs(2),
		Long:              "Withdraw keeps a patch from nodes that do not have it yet. Those that have it keep it.",
		Example:           "  demarc --as provider patch withdraw openssl 3.0.2-0ubuntu1.21",
		ValidArgsFunction: a.completePublished,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := client.WithdrawPatch(c.Context(), args[0], args[1]); err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(map[string]string{"withdrawn": args[0] + " " + args[1]})
			}
			_, err = terminal.Fprintf(a.Out, "withdrew %s %s\n", args[0], args[1])
			return err
		},
	}
}

// completePackages completes packages that are often patched.
func completePackages(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"linux-image-azure", "libc6", "openssl", "openssh-server", "curl", "systemd", "moby-containerd", "moby-runc"}, cobra.ShellCompDirectiveNoFileComp
}

// completePublished completes the package, then the version, of patches that are not
// withdrawn.
func (a *app) completePublished(c *cobra.Command, args []string, _ string) (words []string, _ cobra.ShellCompDirective) {
	client, err := a.client()
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
