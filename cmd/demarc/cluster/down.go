package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/state"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// downTimeout is how long an engine may take to end in good order.
const downTimeout = time.Minute

func downCmd(env *command.Env) *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use:   "down",
		Short: "Stop a cluster in good order",
		Long: `Down stops a running cluster; its data is kept, and demarc up resumes it. With
--delete the data and the backups are removed too, also those of a cluster that
is stopped; it says what that was. Nothing else removes them.`,
		Example: `  demarc down
  demarc down --name training --delete`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return down(c.Context(), env, remove) },
	}
	c.Flags().BoolVar(&remove, "delete", false, "remove the cluster's data as well")
	return c
}

func down(ctx context.Context, env *command.Env, remove bool) error {
	dir, err := env.Dir()
	if err != nil {
		return err
	}
	c, err := engine.Attach(dir)
	switch {
	case err == nil:
		if err := stop(ctx, env, c); err != nil {
			return err
		}
	case !errors.Is(err, engine.ErrNotRunning):
		return err
	default:
		if _, err := os.Stat(dir); err != nil {
			return env.NotRunning(dir)
		}
		if !remove {
			terminal.Fprintf(env.Err, "the cluster %s is stopped already\n", env.Name)
		}
	}
	if !remove {
		return nil
	}
	data, err := engine.Delete(ctx, dir)
	if err != nil {
		return err
	}
	terminal.Fprintf(env.Err, "%s\n", deletedText(env.Name, dir, data, time.Now()))
	return nil
}

// deletedText says what has been deleted.
func deletedText(name, dir string, d state.Data, now time.Time) string {
	text := fmt.Sprintf("deleted the cluster %s: %s in %s", name, output.Size(d.Bytes), dir)
	if d.Backups == 0 {
		return text + ", with no backup"
	}
	return fmt.Sprintf("%s, with %s, the newest %s old", text, output.Count(d.Backups, "backup"), now.Sub(d.Newest).Round(time.Second))
}

// stop stops a running engine and waits until it has gone.
func stop(ctx context.Context, env *command.Env, c *api.Client) error {
	ctx, cancel := context.WithTimeoutCause(ctx, downTimeout, &engine.FailedError{
		Reason: fmt.Sprintf("it has not stopped within %s; end process %d yourself", downTimeout, c.Handle().PID),
	})
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		return err
	}
	if engine.AwaitEnd(ctx, c) != nil {
		return context.Cause(ctx)
	}
	terminal.Fprintf(env.Err, "stopped the cluster %s\n", env.Name)
	return nil
}
