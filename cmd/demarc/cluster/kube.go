package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"demarc/cmd/demarc/command"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func kubeconfigCmd(env *command.Env) *cobra.Command {
	var content bool
	c := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the cluster's kubeconfig, or its content",
		Example: `  export KUBECONFIG=$(demarc kubeconfig)
  demarc kubeconfig --content > demarc.kubeconfig`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := kubeconfig(c.Context(), env)
			if err != nil {
				return err
			}
			switch {
			case content:
				b, err := os.ReadFile(path)
				if err != nil {
					return fmt.Errorf("read the kubeconfig: %w", err)
				}
				_, err = terminal.Raw(env.Out).Write(b)
				return err
			case env.JSON():
				return env.Value(map[string]string{"kubeconfig": path})
			}
			_, err = fmt.Fprintln(env.Out, path)
			return err
		},
	}
	c.Flags().BoolVar(&content, "content", false, "print the content")
	return c
}

// kubeconfig is the path of the running cluster's kubeconfig.
func kubeconfig(ctx context.Context, env *command.Env) (string, error) {
	client, err := env.Client()
	if err != nil {
		return "", err
	}
	s, err := client.Status(ctx)
	return s.Kubeconfig, err
}

func kubectlCmd(env *command.Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "kubectl [--name NAME] -- ARGUMENT…",
		Short: "Run your kubectl against the cluster",
		Long: `Kubectl runs the kubectl that is installed on this machine, with the cluster's
kubeconfig. Everything behind the first word, or behind --, is kubectl's.`,
		Example: `  demarc kubectl -- get pods -A
  demarc kubectl -- logs deployment/shop`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return kubectl(c.Context(), env, args) },
	}
	c.Flags().SetInterspersed(false)
	return c
}

// kubectl runs kubectl and passes its exit code on.
func kubectl(ctx context.Context, env *command.Env, args []string) error {
	path, err := exec.LookPath("kubectl")
	if err != nil {
		return &engine.InputError{Message: "there is no kubectl on this machine", Hint: "install it (https://kubernetes.io/docs/tasks/tools/), or give another client the file that demarc kubeconfig prints"}
	}
	kubeconfig, err := kubeconfig(ctx, env)
	if err != nil {
		return err
	}
	// A terminal's Ctrl-C reaches kubectl by itself.
	k := exec.Command(path, args...)
	k.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	k.Stdin, k.Stdout, k.Stderr = env.In, terminal.Raw(env.Out), terminal.Raw(env.Err)
	return command.Passed(k.Run())
}
