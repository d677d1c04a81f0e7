package aks

import (
	"cmp"
	"context"
	"io"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func maintenanceCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use: "maintenanceconfiguration", Aliases: []string{"maintenance"},
		Short: "Say in which windows the cluster may be upgraded by itself",
		Long: `What demarc aks update --auto-upgrade-channel and --node-os-upgrade-channel bring is
upgraded in the windows of aksManagedAutoUpgradeSchedule and of
aksManagedNodeOSUpgradeSchedule. Without them it is at night, UTC. An upgrade that has
begun goes on when its window closes, and one that has failed waits for the next.`,
		Example: `  demarc aks maintenanceconfiguration list
  demarc aks maintenance add aksManagedNodeOSUpgradeSchedule --schedule-type Daily --interval-days 1 --start-time 22:00 --duration 4`,
	}, maintenanceListCmd(env), maintenanceShowCmd(env), maintenanceSetCmd(env, "add"), maintenanceSetCmd(env, "update"), maintenanceDeleteCmd(env))
}

// maintenanceField is the flag of a field.
type maintenanceField struct {
	api.MaintenanceField
	of  *api.MaintenanceConfiguration
	has string
}

// String implements pflag.Value, as do Set and Type.
func (f *maintenanceField) String() string { return f.has }
func (f *maintenanceField) Set(value string) error {
	f.has = value
	return f.MaintenanceField.Set(f.of, value)
}
func (f *maintenanceField) Type() string {
	if f.Number() {
		return "int"
	}
	return "string"
}

// maintenanceSetCmd is add or update.
func maintenanceSetCmd(env *command.Env, action string) *cobra.Command {
	var m api.MaintenanceConfiguration
	short := "Make a maintenance configuration"
	if action == "update" {
		short = "Replace a maintenance configuration"
	}
	c := &cobra.Command{
		Use: action + " NAME", Short: short, Args: cobra.ExactArgs(1),
		Example:           "  demarc aks maintenance " + action + " aksManagedAutoUpgradeSchedule --schedule-type Weekly --interval-weeks 1 --day-of-week Sunday --start-time 01:00 --duration 8",
		ValidArgsFunction: command.Words(api.MaintenanceNames...),
		PreRunE: func(_ *cobra.Command, args []string) error {
			m.Name = args[0]
			if err := m.Validate(); err != nil {
				return command.BadInput(err)
			}
			return nil
		},
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.PlannedMaintenance, error) {
			if action == "update" {
				return c.UpdateMaintenance(ctx, m)
			}
			return c.AddMaintenance(ctx, m)
		}, printMaintenance),
	}
	for _, f := range api.MaintenanceFields {
		c.Flags().Var(&maintenanceField{MaintenanceField: f, of: &m}, f.Name, f.Doc)
		if f.Values != nil {
			command.CompleteFlag(c, f.Name, command.Words(f.Values...))
		}
	}
	return c
}

func maintenanceListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the maintenance configurations, with their next windows", Args: cobra.NoArgs,
		Example: "  demarc aks maintenanceconfiguration list -o json",
		RunE:    command.List(env, maintenance, "there is no maintenance configuration: what upgrades by itself does so at night, UTC", printMaintenances),
	}
}

func maintenance(ctx context.Context, c *api.Client) ([]api.PlannedMaintenance, error) {
	return c.Maintenance(ctx)
}

var printMaintenances = output.Columns("NAME\tWHEN\tNEXT WINDOW", func(m api.PlannedMaintenance) []any {
	return []any{m.Name, m.String(), nextWindow(m)}
})

// nextWindow says when a window opens.
func nextWindow(m api.PlannedMaintenance) string {
	if m.NextWindow.From.IsZero() {
		return "none"
	}
	return output.DateTime(m.NextWindow.From)
}

func maintenanceShowCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a maintenance configuration", Args: cobra.ExactArgs(1),
		Example:           "  demarc aks maintenanceconfiguration show aksManagedNodeOSUpgradeSchedule",
		ValidArgsFunction: command.Words(api.MaintenanceNames...),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.PlannedMaintenance, error) {
			list, err := c.Maintenance(ctx)
			for _, m := range list {
				if m.Name == args[0] {
					return m, err
				}
			}
			return api.PlannedMaintenance{}, cmp.Or(err, api.NoMaintenance(args[0]))
		}, printMaintenance),
	}
}

func printMaintenance(w io.Writer, m api.PlannedMaintenance) error {
	var t output.Table
	t.Row("name", m.Name)
	t.Row("when", m.String())
	t.Row("from", m.StartDate)
	t.Row("not on", output.OrNone(m.NotAllowedDates))
	t.Row("next window", nextWindow(m))
	return t.Write(w, output.LineWidth)
}

func maintenanceDeleteCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Delete a maintenance configuration", Args: cobra.ExactArgs(1),
		Example:           "  demarc aks maintenanceconfiguration delete aksManagedNodeOSUpgradeSchedule",
		ValidArgsFunction: command.Words(api.MaintenanceNames...),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := env.Client()
			if err != nil {
				return err
			}
			return client.DeleteMaintenance(c.Context(), args[0])
		},
	}
}
