package script

import (
	"demarc/sim/api"
	"demarc/sim/fault"
)

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
			Of: []string{"show", "verify", "restore", "delete"}, NeededBy: []string{"show", "verify", "delete"}, Hint: "a backup's ID, or latest",
		},
		roleArg(api.RoleProvider, "on whose behalf"),
	},
	Check: func(k Checker, c *Call) {
		if id, given := c.Args["id"]; given && !fault.IsBackupID(id.Text) {
			k.Problem(c.Cols["id"], fault.Suggest(id.Text, []string{fault.Latest}), "id=%s: want a backup's ID, such as 20260105T083000Z, or latest", id.Text)
		}
	},
}
