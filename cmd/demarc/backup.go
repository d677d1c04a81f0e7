package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/fault"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) backupCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "backup",
		Short: "See, verify and restore the provider's backups",
		Long: `Backup is the provider's view of the backups of a cluster's etcd, which it takes
every 30 minutes of virtual time. They are out of customers' reach: without --as
provider the engine refuses. Nothing deletes a backup but the policy that the
cluster was made with (demarc up --backup-keep, --backup-daily).

List, show, verify and restore also work while the cluster is stopped, or cannot
be started. There is no catalogue to ask then: each file is read.`,
		Example: `  demarc --as provider backup list
  demarc --as provider backup verify latest
  demarc --as provider backup restore`,
	}, a.backupListCmd(), a.backupShowCmd(), a.backupVerifyCmd(), a.backupTakeCmd(), a.backupRestoreCmd())
}

func (a *app) backupListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the backups, the oldest first", Args: cobra.NoArgs,
		Example: "  demarc --as provider backup list -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			from, _, err := a.backupSource()
			if err != nil {
				return err
			}
			list, err := backups(c.Context(), from)
			switch {
			case err != nil:
				return err
			case a.JSON():
				return a.Value(list)
			case len(list) == 0:
				fmt.Fprintln(a.Err, "there is no backup yet")
				return nil
			}
			return printBackups(a.Out, list)
		},
	}
}

// withBackup asks the engine something about the backup that the argument names,
// and prints the answer.
func (a *app) withBackup(ask func(*api.Actions) func(context.Context, string) (api.Backup, error), print func(api.Backup) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		from, _, err := a.backupSource()
		if err != nil {
			return err
		}
		id, err := backupID(c.Context(), from, args[0])
		if err != nil {
			return err
		}
		b, err := ask(from)(c.Context(), id)
		if err != nil {
			return err
		}
		return print(b)
	}
}

func (a *app) backupShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show everything that the catalogue has of a backup", Args: cobra.ExactArgs(1),
		Example:           "  demarc --as provider backup show latest",
		ValidArgsFunction: a.completeBackups,
		RunE:              a.withBackup(func(from *api.Actions) func(context.Context, string) (api.Backup, error) { return from.Backup }, a.printBackup),
	}
}

func (a *app) backupVerifyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "verify ID", Short: "Read a backup back and say whether it is whole", Args: cobra.ExactArgs(1),
		Long: `Verify reads a backup back from the store and checks it against the catalogue. The
exit code is 1 if it cannot be restored from.`,
		Example:           "  demarc --as provider backup verify 20260105T083000Z",
		ValidArgsFunction: a.completeBackups,
		RunE:              a.withBackup(func(from *api.Actions) func(context.Context, string) (api.Backup, error) { return from.VerifyBackup }, a.printVerified),
	}
}

func (a *app) backupTakeCmd() *cobra.Command {
	return &cobra.Command{
		Use: "take", Short: "Take a backup now, beside the schedule", Args: cobra.NoArgs,
		Example: "  demarc --as provider backup take",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			b, err := client.TakeBackup(c.Context())
			if err != nil {
				return err
			}
			return a.printBackup(b)
		},
	}
}

// backups asks for the catalogue, the oldest first.
func backups(ctx context.Context, c *api.Actions) ([]api.Backup, error) {
	list, err := c.Backups(ctx)
	slices.SortStableFunc(list, func(a, b api.Backup) int { return a.At.Compare(b.At) })
	return list, err
}

// backupID puts the ID of the newest backup in place of latest.
func backupID(ctx context.Context, c *api.Actions, id string) (string, error) {
	if id != fault.Latest {
		return id, nil
	}
	list, err := backups(ctx, c)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", &engine.InputError{Message: "there is no backup yet", Hint: "take one with: demarc --as provider backup take"}
	}
	return list[len(list)-1].ID, nil
}

var printBackups = output.Columns("BACKUP\tTAKEN\tTOOK\tREVISION\tKEYS\tSIZE\tVERIFIED\tPROBLEM", func(b api.Backup) []any {
	return []any{b.ID, output.DateTime(b.At), output.Span(b.DurationSeconds), b.Revision, b.Keys, output.Size(b.Bytes), output.YesNo(b.Verified), b.Problem}
})

// printBackup shows one backup.
func (a *app) printBackup(b api.Backup) error {
	if a.JSON() {
		return a.Value(b)
	}
	t := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	terminal.Fprintf(t, "backup:\t%s\n", b.ID)
	terminal.Fprintf(t, "slot:\t%s\n", output.DateTime(b.Slot))
	terminal.Fprintf(t, "taken:\t%s, from %s, in %s\n", output.DateTime(b.At), b.Member, output.Span(b.DurationSeconds))
	terminal.Fprintf(t, "etcd:\trevision %d, %d keys, %s\n", b.Revision, b.Keys, output.Size(b.DatabaseBytes))
	terminal.Fprintf(t, "file:\t%s, SHA-256 %s\n", output.Size(b.Bytes), b.SHA256)
	terminal.Fprintf(t, "versions:\tKubernetes %s, etcd %s\n", b.KubernetesVersion, b.EtcdVersion)
	terminal.Fprintf(t, "cluster:\t%s\n", b.ClusterID)
	verified := output.YesNo(b.Verified)
	if !b.VerifiedAt.IsZero() {
		verified += ", at " + output.DateTime(b.VerifiedAt)
	}
	if b.Problem != "" {
		verified += ": " + b.Problem
	}
	terminal.Fprintf(t, "verified:\t%s\n", verified)
	return t.Flush()
}

// printVerified says what was verified. Of a bad backup it says why on standard
// error.
func (a *app) printVerified(b api.Backup) error {
	var err error
	switch {
	case a.JSON():
		err = a.Value(b)
	case b.Verified:
		_, err = terminal.Fprintf(a.Out, "%s can be restored from: %s with SHA-256 %s; etcd's database in it has %s, revision %d and %d keys\n",
			b.ID, output.Size(b.Bytes), b.SHA256, output.Size(b.DatabaseBytes), b.Revision, b.Keys)
	default:
		terminal.Fprintf(a.Err, "demarc: %s cannot be restored from: %s\n", b.ID, b.Problem)
	}
	if err == nil && !b.Verified {
		return exitStatus(exitNotHeld)
	}
	return err
}

// backupSummary says in a few words what a backup is, for completion.
func backupSummary(b api.Backup) string {
	words := []string{"revision", fmt.Sprint(b.Revision) + ",", output.Size(b.Bytes)}
	if !b.Verified {
		words = append(words, "(not verified)")
	}
	return strings.Join(words, " ")
}
