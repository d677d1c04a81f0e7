package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// app is one run of the command.
type app struct {
	*output.Printer
	in io.Reader

	name   string      // --name; the name of the cluster once it was looked for
	chosen bool        // it was not named
	as     string      // --as
	ran    bool        // the arguments were understood
	detach atomic.Bool // --detach: the command does not end with who reads its output

	mu     sync.Mutex
	engine *engine.Process // to kill at the second signal; nil if it is not ours
}

// execute runs the command and returns its exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	a.Out, a.Err = terminal.Writer{Writer: a.Out}, terminal.Writer{Writer: a.Err}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	cmd, err := root.ExecuteContextC(ctx)
	code := a.exitCode(err)
	if silent := (exitStatus)(0); err != nil && !errors.As(err, &silent) && !wasEnded(err) {
		prefix := "demarc"
		if !a.ran {
			prefix = cmd.CommandPath()
		}
		fmt.Fprintf(a.Err, "%s: %v\n", prefix, err)
	}
	return code
}

func (a *app) root() *cobra.Command {
	root := group(&cobra.Command{
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
			if err := output.CheckFormat(c, a.Format); err != nil {
				return err
			}
			if !slices.Contains(roles(), a.as) {
				return fmt.Errorf("--as %s: want %s%s", a.as, strings.Join(roles(), ", "), output.DidYouMean(a.as, roles()))
			}
			a.ran = true
			return nil
		},
	},
		a.upCmd(), a.downCmd(), a.listCmd(), a.statusCmd(), a.kubeconfigCmd(), a.kubectlCmd(), a.clockCmd(), a.faultCmd(),
		a.timelineCmd(), a.incidentsCmd(), a.sshCmd(), a.repairsCmd(), a.escalateCmd(), a.consentCmd(), a.supportCmd(), a.iaasCmd(), a.patchCmd(), a.cveCmd(), a.aksCmd(), a.nodepoolCmd(), a.backupCmd(), a.replicasCmd(),
		a.explainCmd(), a.policyCmd(), a.reportCmd(),
		a.featureCmd(),
		a.drillCmd(), a.scenarioCmd(), a.versionCmd(),
	)
	f := root.PersistentFlags()
	f.StringVarP(&a.Format, "output", "o", "text", "form of the output: text or json")
	f.StringVar(&a.name, "name", "", "the cluster's name; wanted only if there are several (default $"+engine.NameEnv+")")
	f.StringVar(&a.as, "as", string(api.RoleCustomer), "on whose behalf: "+strings.Join(roles(), ", ")+"; drills are the director's")
	must(root.RegisterFlagCompletionFunc("output", output.CompleteFormat))
	must(root.RegisterFlagCompletionFunc("as", complete(roles()...)))
	must(root.RegisterFlagCompletionFunc("name", completeClusters))
	root.SetFlagErrorFunc(flagError)
	root.Long += listTopics()
	root.SetHelpCommand(a.helpCmd(root))
	root.CompletionOptions.HiddenDefaultCmd = false
	return root
}

// group makes a command that only has commands below it.
func group(c *cobra.Command, subs ...*cobra.Command) *cobra.Command {
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

// must is for what only a mistake in this program can make fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// roles are what --as takes.
func roles() []string {
	var names []string
	for _, r := range api.Roles {
		names = append(names, string(r))
	}
	return names
}

// dir is the data directory of the cluster that is meant, and name its name from then
// on.
func (a *app) dir() (string, error) { return a.choose(false) }

func (a *app) choose(toStart bool) (_ string, err error) {
	if a.name == "" {
		a.chosen = true
		if a.name, err = engine.Choose(toStart); err != nil {
			return "", err
		}
	}
	return engine.DataDir(a.name)
}

// client finds the running engine of the cluster that --name names, and speaks
// to it in the role that --as names.
func (a *app) client() (*api.Client, error) { return a.clientAs(api.Role(a.as)) }

func (a *app) clientAs(role api.Role) (*api.Client, error) {
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	c, err := engine.AttachAs(dir, role)
	if errors.Is(err, engine.ErrNotRunning) {
		return nil, a.notRunning(dir)
	}
	return c, err
}

// nameFlag is what names the cluster in a command that is proposed.
func (a *app) nameFlag() string {
	if a.chosen {
		return ""
	}
	return " --name " + a.name
}

// notRunning explains that there is nothing to talk to.
func (a *app) notRunning(dir string) error {
	flag := a.nameFlag()
	if engine.Find(dir).Drill() {
		return &engine.InputError{Message: fmt.Sprintf("the drill %s is over, and its data is in %s", a.name, dir), Hint: "remove it with: demarc down --delete" + flag}
	}
	if engine.Exists(dir) {
		return &engine.InputError{Message: fmt.Sprintf("the cluster %s is stopped", a.name), Hint: "start it again with: demarc up" + flag}
	}
	if names := clusterNames(); len(names) > 0 {
		return &engine.InputError{Message: fmt.Sprintf("there is no cluster %s", a.name),
			Hint: fmt.Sprintf("there is %s; make one with: demarc up%s", strings.Join(names, ", "), flag)}
	}
	return &engine.InputError{Message: fmt.Sprintf("there is no cluster %s", a.name), Hint: "make one with: demarc up" + flag}
}

// own remembers the engine that ends with this process.
func (a *app) own(p *engine.Process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.engine = p
}

func (a *app) killEngine() {
	a.mu.Lock()
	p := a.engine
	a.mu.Unlock()
	if p != nil {
		fmt.Fprintln(a.Err, "demarc: killing the engine")
		p.Kill()
	}
}
