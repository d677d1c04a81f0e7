package contract

import (
	"context"
	"fmt"
	"io"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func incidentsCmd(env *command.Env) *cobra.Command {
	var edition string
	c := &cobra.Command{
		Use:   "incidents",
		Short: "List the outages and failed backups, and whose they are",
		Long: `Incidents lists what went wrong and how the support contract judges it: whose it
is, whether it is covered, who mends it, and the clause that decides. demarc explain
tells more of each.`,
		Example: `  demarc incidents
  demarc incidents --edition 2026-08
  demarc incidents -o json`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return command.CheckEdition(edition) },
		RunE: command.List(env, func(ctx context.Context, c *api.Client) ([]api.JudgedIncident, error) {
			contract, err := c.Contract(ctx, edition)
			return contract.Incidents, err
		}, "there was no incident", printIncidents),
	}
	command.EditionFlag(c, &edition, command.JudgedBy)
	return c
}

func printIncidents(w io.Writer, list []api.JudgedIncident) error {
	t := output.Table{Paint: map[int]func(string) string{2: output.PaletteFor(w).Owner}}
	t.Heads("INCIDENT\tSUBJECT\tOWNER\tCOVERAGE\tREMEDY\tCLAUSES\tSTART\tDETECTED\tEND\tCAUSE")
	for _, x := range list {
		j := x.Judgement
		t.Row(x.ID, x.Subject, j.Owner, j.Coverage, j.Remedy, firstOf(j.Clauses), output.DateTime(x.Start), output.DateTimeOr(x.Detected, "no"), output.DateTimeOr(x.End, "lasts"), x.Cause)
	}
	return t.Write(w, 0)
}

// firstOf is the clause that decided, and how many more there are.
func firstOf(clauses []string) string {
	switch len(clauses) {
	case 0:
		return "-"
	case 1:
		return clauses[0]
	}
	return fmt.Sprintf("%s (+%d)", clauses[0], len(clauses)-1)
}
