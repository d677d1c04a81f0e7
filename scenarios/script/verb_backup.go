package script

import (
	"context"
	"errors"
	"fmt"

	"demarc/sim/api"
	"demarc/sim/fault"
)

// backupActions are what can be done with backups, and whether that needs an
// ID, may have one, or takes none.
var backupActions = []struct {
	name          string
	needs, allows bool
}{
	{name: "list"},
	{name: "show", needs: true},
	{name: "verify", needs: true},
	{name: "take"},
	{name: "restore", allows: true},
	{name: "delete", needs: true},
}

var verbBackup = Verb{
	Name:    "backup",
	Summary: "does something with backups, through the management API",
	Doc: "list, show and verify look at backups; take makes one beside the schedule; restore asks for a restore of the cluster, " +
		"by default from the newest backup that verifies; delete deletes one. Backups are the provider's: customers are refused.",
	Example: "backup restore id=latest",
	Args: []Arg{
		{Name: "action", Type: ArgEnum, Positional: true, Required: true, Values: actionNames(), Doc: "what to do"},
		{Name: "id", Type: ArgText, Doc: "the backup, such as 20260105T083000Z, or latest for the newest; show, verify and delete need it"},
		{
			Name: "by", Type: ArgEnum, Values: []string{string(api.RoleCustomer), string(api.RoleProvider)},
			Default: string(api.RoleProvider), Doc: "on whose behalf",
		},
	},
	check: checkBackup,
	run: func(ctx context.Context, r *run, c *call) error {
		action := c.text("action")
		id, err := r.backupID(c.text("id"))
		if err == nil {
			err = doBackup(ctx, r.world.As(api.Role(c.text("by"))), action, id)
		}
		if err != nil {
			return fmt.Errorf("backup %s: %w", action, err)
		}
		return nil
	},
}

// doBackup does something with backups. That one is bad fails its verification.
func doBackup(ctx context.Context, as *api.Actions, action, id string) (err error) {
	switch action {
	case "list":
		_, err = as.Backups(ctx)
	case "show":
		_, err = as.Backup(ctx, id)
	case "take":
		_, err = as.TakeBackup(ctx)
	case "delete":
		err = as.DeleteBackup(ctx, id)
	case "restore":
		_, err = as.Restore(ctx, api.RestoreRequest{Backup: id})
	case "verify":
		var b api.Backup
		if b, err = as.VerifyBackup(ctx, id); err == nil && b.Problem != "" {
			err = errors.New(b.Problem)
		}
	}
	return err
}

func actionNames() []string {
	var names []string
	for _, a := range backupActions {
		names = append(names, a.name)
	}
	return names
}

// checkBackup checks that the action has an ID if it needs one.
func checkBackup(p *parser, c *call) {
	id, given := c.args["id"]
	for _, a := range backupActions {
		switch {
		case a.name != c.text("action"):
		case a.needs && !given:
			p.problem(c.words[0].col, "", "backup %s needs id=: a backup's ID, or latest", a.name)
		case given && !a.needs && !a.allows:
			p.problem(id.col, "", "backup %s takes no id=", a.name)
		}
	}
	if given && !fault.IsBackupID(id.text) {
		p.problem(c.cols["id"], fault.Suggest(id.text, []string{fault.Latest}), "id=%s: want a backup's ID, such as 20260105T083000Z, or latest", id.text)
	}
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
