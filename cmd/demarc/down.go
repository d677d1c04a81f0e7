package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/state"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// downTimeout is how long an engine may take to end in good order.
const downTimeout = time.Minute

func (a *app) downCmd() *cobra.Command {
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
		RunE: func(c *cobra.Command, _ []string) error { return a.down(c.Context(), remove) },
	}
	c.Flags().BoolVar(&remove, "delete", false, "remove the cluster's data as well")
	return c
}

func (a *app) down(ctx context.Context, remove bool) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	c, err := engine.Attach(dir)
	switch {
	case err == nil:
		if err := a.stop(ctx, c); err != nil {
			return err
		}
	case !errors.Is(err, engine.ErrNotRunning):
		return err
	default:
		if _, err := os.Stat(dir); err != nil {
			return a.notRunning(dir)
		}
		if !remove {
			terminal.Fprintf(a.Err, "the cluster %s is stopped already\n", a.name)
		}
	}
	if !remove {
		return nil
	}
	data, err := engine.Delete(ctx, dir)
	if err != nil {
		return err
	}
	terminal.Fprintf(a.Err, "%s\n", deletedText(a.name, dir, data, time.Now()))
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
func (a *app) stop(ctx context.Context, c *api.Client) error {
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
	terminal.Fprintf(a.Err, "stopped the cluster %s\n", a.name)
	return nil
}
