package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) kubeconfigCmd() *cobra.Command {
	var content bool
	c := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the cluster's kubeconfig, or its content",
		Example: `  export KUBECONFIG=$(demarc kubeconfig)
  demarc kubeconfig --content > demarc.kubeconfig`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := a.kubeconfig(c)
			if err != nil {
				return err
			}
			switch {
			case content:
				b, err := os.ReadFile(path)
				if err != nil {
					return fmt.Errorf("read the kubeconfig: %w", err)
				}
				_, err = terminal.Raw(a.Out).Write(b)
				return err
			case a.JSON():
				return a.Value(map[string]string{"kubeconfig": path})
			}
			_, err = fmt.Fprintln(a.Out, path)
			return err
		},
	}
	c.Flags().BoolVar(&content, "content", false, "print the content")
	return c
}

// kubeconfig is the path of the running cluster's kubeconfig.
func (a *app) kubeconfig(c *cobra.Command) (string, error) {
	client, err := a.client()
	if err != nil {
		return "", err
	}
	s, err := client.Status(c.Context())
	if err != nil {
		return "", err
	}
	return s.Kubeconfig, nil
}

func (a *app) kubectlCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "kubectl [--name NAME] -- ARGUMENT…",
		Short: "Run your kubectl against the cluster",
		Long: `Kubectl runs the kubectl that is installed on this machine, with the cluster's
kubeconfig. Everything behind the first word, or behind --, is kubectl's.`,
		Example: `  demarc kubectl -- get pods -A
  demarc kubectl -- logs deployment/shop`,
		Args: cobra.ArbitraryArgs,
		RunE: a.kubectl,
	}
	c.Flags().SetInterspersed(false)
	return c
}

// kubectl runs kubectl and passes its exit code on.
func (a *app) kubectl(c *cobra.Command, args []string) error {
	path, err := exec.LookPath("kubectl")
	if err != nil {
		return &engine.InputError{Message: "there is no kubectl on this machine", Hint: "install it (https://kubernetes.io/docs/tasks/tools/), or give another client the file that demarc kubeconfig prints"}
	}
	kubeconfig, err := a.kubeconfig(c)
	if err != nil {
		return err
	}
	// A terminal's Ctrl-C reaches kubectl by itself.
	k := exec.Command(path, args...)
	k.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	k.Stdin, k.Stdout, k.Stderr = a.in, terminal.Raw(a.Out), terminal.Raw(a.Err)
	err = k.Run()
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		if code := ended.ExitCode(); code >= 0 {
			return exitStatus(code)
		}
		return exitStatus(exitInterrupted)
	}
	return err
}
