package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Root is the command demarc with the commands of groups, and the flags of all of them.
func Root(e *Env, groups ...func(*Env) []*cobra.Command) *cobra.Command {
	root := Group(&cobra.Command{
		Use:   "demarc",
		Short: "a managed Kubernetes service in a box, in virtual time",
		Long: `Demarc runs managed Kubernetes clusters on this machine: the real control plane
(etcd, kube-apiserver, kube-controller-manager, kube-scheduler) of Kubernetes,
simulated worker nodes, and a virtual clock that can run free. Use one live with
your own kubectl, break it, and replay hours of it in seconds as a scenario.`,
		Example: `  demarc up                             # a cluster with three nodes, until Ctrl-C
  demarc --as director fault inject crash etcd    # break it, from another terminal
  demarc drill control-plane-lost       # two hours without a control plane, in seconds`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if err := output.CheckFormat(c, e.Format); err != nil {
				return err
			}
			if !slices.Contains(roles(), e.As) {
				return fmt.Errorf("--as %s: want %s%s", e.As, strings.Join(roles(), ", "), output.DidYouMean(e.As, roles()))
			}
			e.ran = true
			return nil
		},
	})
	for _, commands := range groups {
		root.AddCommand(commands(e)...)
	}
	f := root.PersistentFlags()
	f.StringVarP(&e.Format, "output", "o", "text", "form of the output: text or json")
	f.StringVar(&e.Name, "name", "", "the cluster's name; wanted only if there are several (default $"+engine.NameEnv+")")
	f.StringVar(&e.As, "as", string(api.RoleCustomer), "on whose behalf: "+strings.Join(roles(), ", ")+"; drills are the director's")
	CompleteFlag(root, "output", output.CompleteFormat)
	CompleteFlag(root, "as", Words(roles()...))
	CompleteFlag(root, "name", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return clusterNames(), cobra.ShellCompDirectiveNoFileComp
	})
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = false
	return root
}

// Execute runs the command that root makes and returns its exit code. An error from
// before the command ran is a mistake in its arguments.
func Execute(ctx context.Context, e *Env, args []string, root func(*Env) *cobra.Command) int {
	e.Out, e.Err = terminal.Writer{Writer: e.Out}, terminal.Writer{Writer: e.Err}
	c := root(e)
	c.SetArgs(args)
	c.SetIn(e.In)
	c.SetOut(e.Out)
	c.SetErr(e.Err)
	cmd, err := c.ExecuteContextC(ctx)
	if silent := Exit(0); err != nil && !errors.As(err, &silent) && !wasEnded(err) {
		prefix := "demarc"
		if !e.ran {
			prefix = cmd.CommandPath()
		}
		fmt.Fprintf(e.Err, "%s: %v\n", prefix, err)
	}
	code := ExitCode(err)
	if code == BadEngine && !e.ran {
		code = BadRequest
	}
	return code
}

// Group makes a command that only has commands below it.
func Group(c *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	c.AddCommand(subs...)
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var names []string
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		return fmt.Errorf("unknown command %q%s", args[0], output.DidYouMean(args[0], names))
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return c
}

// flagError says which flag was probably meant.
func flagError(c *cobra.Command, err error) error {
	unknown := (*pflag.NotExistError)(nil)
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return fmt.Errorf("%w%s", err, output.DidYouMean("--"+unknown.GetSpecifiedName(), names))
}

// roles are what --as takes.
func roles() (names []string) {
	for _, r := range api.Roles {
		names = append(names, string(r))
	}
	return names
}
