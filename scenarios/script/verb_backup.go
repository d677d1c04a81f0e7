package script

import (
	"context"
	"errors"

	"demarc/sim/api"
	"demarc/sim/fault"
)

// backupActions are what can be done with backups. That one is bad fails its
// verification.
var backupActions = map[string]func(ctx context.Context, as *api.Actions, id string) error{
	"list":   func(ctx context.Context, as *api.Actions, _ string) error { return only(as.Backups(ctx)) },
	"show":   func(ctx context.Context, as *api.Actions, id string) error { return only(as.Backup(ctx, id)) },
	"take":   func(ctx context.Context, as *api.Actions, _ string) error { return only(as.TakeBackup(ctx)) },
	"delete": func(ctx context.Context, as *api.Actions, id string) error { return as.DeleteBackup(ctx, id) },
	"restore": func(ctx context.Context, as *api.Actions, id string) error {
		return only(as.Restore(ctx, api.RestoreRequest{Backup: id}))
	},
	"verify": func(ctx context.Context, as *api.Actions, id string) error {
		b, err := as.VerifyBackup(ctx, id)
		if err == nil && b.Problem != "" {
			err = errors.New(b.Problem)
		}
		return err
	},
}

var verbBackup = Verb{
	Name:    "backup",
	Summary: "does something with backups, through the management API",
	Doc: "list, show and verify look at backups; take makes one beside the schedule; restore asks for a restore of the cluster, " +
		"by default from the newest backup that verifies; delete deletes one. Backups are the provider's: customers are refused.",
	Example: "backup restore id=latest",
	Args: []Arg{
		actionArg("list", "show", "verify", "take", "restore", "delete"),
		{
			Name: "id", Type: ArgText, Doc: "the backup, such as 20260105T083000Z, or latest for the newest; show, verify and delete need it",
			of: []string{"show", "verify", "restore", "delete"}, neededBy: []string{"show", "verify", "delete"}, hint: "a backup's ID, or latest",
		},
		roleArg(api.RoleProvider, "on whose behalf"),
	},
	check: func(p *parser, c *call) {
		if id, given := c.args["id"]; given && !fault.IsBackupID(id.text) {
			p.problem(c.cols["id"], fault.Suggest(id.text, []string{fault.Latest}), "id=%s: want a backup's ID, such as 20260105T083000Z, or latest", id.text)
		}
	},
	title: byAction,
	run: func(ctx context.Context, a action) error {
		id, err := a.backupID(a.text("id"))
		if err != nil {
			return err
		}
		return backupActions[a.text("action")](ctx, a.by(), id)
	},
}

// backupID puts the ID of the newest backup in place of latest.
func (r *run) backupID(id string) (string, error) {
	if id != fault.Latest {
		return id, nil
	}
	list := sortedBackups(r.world)
	if len(list) == 0 {
		return "", errors.New("there is no backup yet")
	}
	return list[len(list)-1].ID, nil
}
