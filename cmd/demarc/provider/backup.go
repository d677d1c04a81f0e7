package provider

import (
	"context"
	"fmt"
	"io"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/fault"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func backupCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
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
	}, backupListCmd(env), backupShowCmd(env), backupVerifyCmd(env), backupTakeCmd(env), backupRestoreCmd(env))
}

func backupListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the backups, the oldest first", Args: cobra.NoArgs,
		Example: "  demarc --as provider backup list -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			from, _, err := backupSource(env)
			if err != nil {
				return err
			}
			list, err := command.Backups(c.Context(), from)
			if err != nil {
				return err
			}
			return output.List(env.Printer, list, "there is no backup yet", printBackups)
		},
	}
}

// withBackup asks the engine something about the backup that the argument names,
// and prints the answer.
func withBackup(env *command.Env, ask func(*api.Actions) func(context.Context, string) (api.Backup, error), print func(*command.Env, api.Backup) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		from, _, err := backupSource(env)
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
		return print(env, b)
	}
}

func backupShowCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show everything that the catalogue has of a backup", Args: cobra.ExactArgs(1),
		Example:           "  demarc --as provider backup show latest",
		ValidArgsFunction: completeBackups(env),
		RunE: withBackup(env, func(from *api.Actions) func(context.Context, string) (api.Backup, error) { return from.Backup }, func(env *command.Env, b api.Backup) error {
			return output.Print(env.Printer, b, printBackup)
		}),
	}
}

func backupVerifyCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "verify ID", Short: "Read a backup back and say whether it is whole", Args: cobra.ExactArgs(1),
		Long: `Verify reads a backup back from the store and checks it against the catalogue. The
exit code is 1 if it cannot be restored from.`,
		Example:           "  demarc --as provider backup verify 20260105T083000Z",
		ValidArgsFunction: completeBackups(env),
		RunE:              withBackup(env, func(from *api.Actions) func(context.Context, string) (api.Backup, error) { return from.VerifyBackup }, printVerified),
	}
}

func backupTakeCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "take", Short: "Take a backup now, beside the schedule", Args: cobra.NoArgs,
		Example: "  demarc --as provider backup take",
		RunE:    command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.Backup, error) { return c.TakeBackup(ctx) }, printBackup),
	}
}

// backupID puts the ID of the newest backup in place of latest.
func backupID(ctx context.Context, c *api.Actions, id string) (string, error) {
	if id != fault.Latest {
		return id, nil
	}
	list, err := command.Backups(ctx, c)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", &engine.InputError{Message: "there is no backup yet", Hint: "take one with: demarc --as provider backup take"}
	}
	return list[len(list)-1].ID, nil
}

// printBackups writes a row for each backup, and below it what is wrong with it.
func printBackups(w io.Writer, list []api.Backup) error {
	var t output.Table
	t.Heads("BACKUP\tTAKEN\tTOOK\tREVISION\tKEYS\tSIZE\tVERIFIED")
	for _, b := range list {
		t.Row(b.ID, output.DateTime(b.At), output.Span(b.DurationSeconds), b.Revision, b.Keys, output.Size(b.Bytes), output.YesNo(b.Verified))
		if b.Problem != "" {
			t.Row("    " + b.Problem)
		}
	}
	return t.Fit(w)
}

// printBackup shows one backup.
func printBackup(w io.Writer, b api.Backup) error {
	verified := output.YesNo(b.Verified)
	if !b.VerifiedAt.IsZero() {
		verified += ", at " + output.DateTime(b.VerifiedAt)
	}
	if b.Problem != "" {
		verified += ": " + b.Problem
	}
	var t output.Table
	t.Row("backup:", b.ID)
	t.Row("slot:", output.DateTime(b.Slot))
	t.Row("taken:", fmt.Sprintf("%s, from %s, in %s", output.DateTime(b.At), b.Member, output.Span(b.DurationSeconds)))
	t.Row("etcd:", fmt.Sprintf("revision %d, %d keys, %s", b.Revision, b.Keys, output.Size(b.DatabaseBytes)))
	t.Row("file:", fmt.Sprintf("%s, SHA-256 %s", output.Size(b.Bytes), b.SHA256))
	t.Row("versions:", fmt.Sprintf("Kubernetes %s, etcd %s", b.KubernetesVersion, b.EtcdVersion))
	t.Row("cluster:", b.ClusterID)
	t.Row("verified:", verified)
	return t.Write(w, output.LineWidth)
}

// printVerified says what was verified. Of a bad backup it says why on standard
// error.
func printVerified(env *command.Env, b api.Backup) error {
	var err error
	switch {
	case env.JSON():
		err = env.Value(b)
	case b.Verified:
		_, err = terminal.Fprintf(env.Out, "%s can be restored from: %s with SHA-256 %s; etcd's database in it has %s, revision %d and %d keys\n",
			b.ID, output.Size(b.Bytes), b.SHA256, output.Size(b.DatabaseBytes), b.Revision, b.Keys)
	default:
		terminal.Fprintf(env.Err, "demarc: %s cannot be restored from: %s\n", b.ID, b.Problem)
	}
	if err == nil && !b.Verified {
		return command.Exit(command.NotHeld)
	}
	return err
}

// completeBackups completes the IDs of backups.
func completeBackups(env *command.Env) cobra.CompletionFunc {
	return command.FirstOf(func(c *cobra.Command) []string {
		words := []string{fault.Latest + "\tthe newest"}
		for _, b := range env.KnownBackups(c.Context()) {
			word := fmt.Sprintf("%s\trevision %d, %s", b.ID, b.Revision, output.Size(b.Bytes))
			if !b.Verified {
				word += " (not verified)"
			}
			words = append(words, word)
		}
		return words
	})
}
