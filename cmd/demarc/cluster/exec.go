package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func execCmd(env *command.Env) *cobra.Command {
	o := upOptions{backupKeep: defaultBackupKeep, backupDaily: defaultBackupDaily, noSample: true}
	var hold bool
	c := &cobra.Command{
		Use:   "exec [--nodes N …] -- COMMAND [ARGUMENT…]",
		Short: "Run a command against a cluster of its own",
		Long: `Exec brings up a new cluster without a sample workload, runs a command, and takes
the cluster away again. It passes on the command's exit code.

The command sees KUBECONFIG, and DEMARC_NAME and DEMARC_HOME, by which demarc's own
commands reach the cluster. Nothing is kept: for a cluster that stays see demarc up.

With --hold there is no command: exec says where the cluster is, with -o json as
demarc status does, and takes it away when its standard input ends. That is for a
program that starts a cluster of its own: however it ends, the cluster ends too.`,
		Example: `  demarc exec -- kubectl get nodes
  demarc exec --nodes 5 --rate 60x -- go test ./...
  demarc exec -- sh -c 'kubectl apply -f shop.yaml && demarc clock run --until 30m --wait'
  demarc exec --hold -o json`,
		Args: func(c *cobra.Command, args []string) error {
			if hold {
				return cobra.NoArgs(c, args)
			}
			return cobra.MinimumNArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			run := func(ctx context.Context, p *engine.Process, s api.Status) error { return held(ctx, env, p, s) }
			if !hold {
				program, err := exec.LookPath(args[0])
				if err != nil {
					return &engine.InputError{Message: fmt.Sprintf("there is no program %s on this machine", args[0]), Hint: "give a path, or one that is on your PATH"}
				}
				run = func(_ context.Context, _ *engine.Process, s api.Status) error {
					return runIn(env, s, program, args[1:])
				}
			}
			return execute(c.Context(), env, o, run)
		},
	}
	o.describe(c)
	c.Flags().SetInterspersed(false)
	c.Flags().BoolVar(&hold, "hold", false, "run no command: keep the cluster until standard input ends")
	return c
}

// execute runs something against a cluster that is there for it alone.
func execute(ctx context.Context, env *command.Env, o upOptions, run func(context.Context, *engine.Process, api.Status) error) (err error) {
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
	return run(ctx, p, status)
}

// runIn runs a program that sees a cluster in its environment.
func runIn(env *command.Env, s api.Status, program string, args []string) error {
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig, engine.HomeEnv+"="+filepath.Dir(s.DataDir), engine.NameEnv+"="+s.Name)
	c.Stdin, c.Stdout, c.Stderr = env.In, terminal.Raw(env.Out), terminal.Raw(env.Err)
	return command.Passed(c.Run())
}

// held says where a cluster is, and returns when standard input ends.
func held(ctx context.Context, env *command.Env, p *engine.Process, s api.Status) error {
	env.Name = s.Name
	if err := printUp(env, s, true); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, env.In) // it ends, however
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.Done():
		return endOf(p, errors.New("the engine has ended"))
	}
}
