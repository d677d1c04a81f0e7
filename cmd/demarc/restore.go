package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// restorePoll is how often a restore is asked how far it is.
const restorePoll = 100 * time.Millisecond

func (a *app) backupRestoreCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "restore [ID]",
		Short: "Restore the cluster's etcd from a backup",
		Long: `Restore puts a cluster's etcd back to a backup: without ID, to the newest one that
verifies. What was written since is lost; the data that was there is kept in the
data directory, in etcd.lost, of the last five restores. It asks nothing, shows how it goes, and
says at the end how much of the past is gone (RPO) and how long it took (RTO). The
exit code is 1 if it failed. Ctrl-C does not end a restore.

Of a cluster that is stopped the backup is verified now, and the next demarc up
restores it before anything else is started.`,
		Example: `  demarc --as provider backup restore
  demarc --as provider backup restore 20260105T083000Z`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeBackups,
		RunE: func(c *cobra.Command, args []string) error {
			from, stopped, err := a.backupSource()
			if err != nil {
				return err
			}
			var req api.RestoreRequest
			if len(args) == 1 {
				if req.Backup, err = backupID(c.Context(), from, args[0]); err != nil {
					return err
				}
			}
			if stopped != nil {
				return a.stageRestore(c.Context(), stopped, req)
			}
			r, err := a.restore(c.Context(), from, req)
			if err != nil {
				return err
			}
			return a.printRestored(r)
		},
	}
}

// restore asks for a restore and shows its phases until it is over.
func (a *app) restore(ctx context.Context, c *api.Actions, req api.RestoreRequest) (api.Restore, error) {
	r, err := c.Restore(ctx, req)
	if err != nil {
		return r, err
	}
	if k, err := c.Clock(ctx); err == nil && k.Virtual && k.Rate == 0 {
		fmt.Fprintln(a.Err, "the virtual clock is paused: the restore goes on when it runs (demarc clock run)")
	}
	show := output.NewProgress(a.Err)
	defer show.End()
	for r.Phase != api.RestoreDone && r.Phase != api.RestoreFailed {
		show.Show("restore " + r.ID + ": " + r.Phase)
		select {
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case <-time.After(restorePoll):
		}
		list, err := c.Restores(ctx)
		if err != nil {
			return r, err
		}
		i := slices.IndexFunc(list, func(x api.Restore) bool { return x.ID == r.ID })
		if i < 0 {
			return r, &engine.FailedError{Reason: fmt.Sprintf("it no longer knows of the restore %s", r.ID)}
		}
		r = list[i]
	}
	return r, nil
}

// printRestored says how a restore went. Of one that failed it says why on
// standard error.
func (a *app) printRestored(r api.Restore) error {
	failed := r.Phase == api.RestoreFailed
	var err error
	switch {
	case a.JSON():
		err = a.Value(r)
	case failed:
		terminal.Fprintf(a.Err, "demarc: the restore %s failed: %s\n", r.ID, r.Error)
	default:
		_, err = fmt.Fprint(a.Out, restoredText(r))
	}
	if err == nil && failed {
		return exitStatus(exitNotHeld)
	}
	return err
}

// restoredText says what a restore brought back, what is lost, and how long it
// took.
func restoredText(r api.Restore) string {
	var sb strings.Builder
	terminal.Fprintf(&sb, "restored from %s, taken at %s; etcd goes on at revision %d\n", r.Backup, output.DateTime(r.BackupAt), r.Revision)
	for _, s := range r.Skipped {
		terminal.Fprintf(&sb, "  skipped %s: %s\n", s.ID, s.Reason)
	}
	if r.Error != "" {
		terminal.Fprintf(&sb, "  %s\n", r.Error)
	}
	terminal.Fprintf(&sb, "  RPO %s: from the backup to the loss at %s\n", output.Span(r.RPOSeconds), output.DateTime(r.Lost))
	terminal.Fprintf(&sb, "  RTO %s: from the loss to an API server that serves\n", output.Span(r.RTOSeconds))
	if n := len(r.Reconciled.OrphanedPods); n > 0 {
		terminal.Fprintf(&sb, "  %s that the backup does not know: stopped\n", output.Count(n, "pod"))
	}
	if n := len(r.Reconciled.RevivedPods); n > 0 {
		terminal.Fprintf(&sb, "  %s that ran nowhere: back in etcd\n", output.Count(n, "pod"))
	}
	return sb.String()
}
