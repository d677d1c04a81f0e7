package provider

import (
	"context"
	"fmt"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func backupRestoreCmd(env *command.Env) *cobra.Command {
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
		ValidArgsFunction: completeBackups(env),
		RunE: func(c *cobra.Command, args []string) error {
			from, stopped, err := backupSource(env)
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
				return stageRestore(c.Context(), env, stopped, req)
			}
			r, err := restore(c.Context(), env, from, req)
			if err != nil {
				return err
			}
			return printRestored(env, r)
		},
	}
}

// restore asks for a restore and shows its phases until it is over.
func restore(ctx context.Context, env *command.Env, c *api.Actions, req api.RestoreRequest) (api.Restore, error) {
	r, err := c.Restore(ctx, req)
	if err != nil {
		return r, err
	}
	return command.Await(ctx, env, c, "restore", r, func(r api.Restore) command.State {
		return command.State{
			ID: r.ID, Text: "restore " + r.ID + ": " + r.Phase,
			Over: r.Phase == api.RestoreDone || r.Phase == api.RestoreFailed,
		}
	}, c.Restores)
}

// printRestored says how a restore went. Of one that failed it says why on
// standard error.
func printRestored(env *command.Env, r api.Restore) error {
	failed := r.Phase == api.RestoreFailed
	var err error
	switch {
	case env.JSON():
		err = env.Value(r)
	case failed:
		terminal.Fprintf(env.Err, "demarc: the restore %s failed: %s\n", r.ID, r.Error)
	default:
		_, err = fmt.Fprint(env.Out, restoredText(r))
	}
	if err == nil && failed {
		return command.Exit(command.NotHeld)
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
	for _, x := range []struct {
		noun, list     string
		orphaned, lost []string
	}{
		{"managed disk", "demarc iaas disk list", r.Reconciled.OrphanedDisks, r.Reconciled.LostDisks},
		{"file share", "demarc iaas share list", r.Reconciled.OrphanedShares, r.Reconciled.LostShares},
	} {
		if n := len(x.orphaned); n > 0 {
			terminal.Fprintf(&sb, "  %s that the backup does not know: kept, and billed; %s\n", output.Count(n, x.noun), x.list)
		}
		if n := len(x.lost); n > 0 {
			terminal.Fprintf(&sb, "  %s that etcd has again and the cloud has not: pods that want them wait\n", output.Count(n, x.noun))
		}
	}
	return sb.String()
}
