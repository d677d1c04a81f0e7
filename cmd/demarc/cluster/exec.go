package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func execCmd(env *command.Env) *cobra.Command {
	o := upOptions{backupKeep: defaultBackupKeep, backupDaily: defaultBackupDaily, noSample: true}
	c := &cobra.Command{
		Use:   "exec [--nodes N …] -- COMMAND [ARGUMENT…]",
		Short: "Run a command against a cluster of its own",
		Long: `Exec brings up a new cluster without a sample workload, runs a command, and takes
the cluster away again. It passes on the command's exit code.

The command sees KUBECONFIG, and DEMARC_NAME and DEMARC_HOME, by which demarc's own
commands reach the cluster. Nothing is kept: for a cluster that stays see demarc up.`,
		Example: `  demarc exec -- kubectl get nodes
  demarc exec --nodes 5 --rate 60x -- go test ./...
  demarc exec -- sh -c 'kubectl apply -f shop.yaml && demarc clock run --until 30m --wait'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return execute(c.Context(), env, o, args) },
	}
	o.describe(c)
	c.Flags().SetInterspersed(false)
	return c
}

// execute runs a command against a cluster that is there for it alone.
func execute(ctx context.Context, env *command.Env, o upOptions, args []string) (err error) {
	program, err := exec.LookPath(args[0])
	if err != nil {
		return &engine.InputError{Message: fmt.Sprintf("there is no program %s on this machine", args[0]), Hint: "give a path, or one that is on your PATH"}
	}
	path, err := engine.Build(ctx, env.Err)
	if err != nil {
		return err
	}
	dir, err := engine.DrillDir(ctx, "exec")
	if err != nil {
		return err
	}
	defer func() {
		if failed := (*engine.FailedError)(nil); !errors.As(err, &failed) { // whose log is there
			os.RemoveAll(dir)
		}
	}()
	cfg, err := o.config(filepath.Base(dir))
	if err != nil {
		return err
	}
	cfg.Ephemeral, cfg.Cluster.Start = true, time.Now().UTC().Add(-startLead).Truncate(time.Second)
	p, err := engine.Start(ctx, engine.Options{Path: path, DataDir: dir, Config: cfg})
	if err != nil {
		return err
	}
	env.Own(p)
	defer func() { err = errors.Join(err, p.Stop(context.WithoutCancel(ctx))) }()
	status, err := awaitReady(ctx, env, p)
	if err != nil {
		return err
	}
	c := exec.Command(program, args[1:]...)
	c.Env = append(os.Environ(), "KUBECONFIG="+status.Kubeconfig, engine.HomeEnv+"="+filepath.Dir(dir), engine.NameEnv+"="+filepath.Base(dir))
	c.Stdin, c.Stdout, c.Stderr = env.In, terminal.Raw(env.Out), terminal.Raw(env.Err)
	return command.Passed(c.Run())
}
