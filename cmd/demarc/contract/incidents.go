package contract

import (
	"context"
	"fmt"
	"io"
	"time"

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
is, whether it is covered, who mends it, and the clause that decides. EVENT is the
event of the timeline that caused it; demarc explain tells more of both, by their
number, and -o json has everything whole. Those of a cluster that is stopped are in
its books.`,
		Example: `  demarc incidents
  demarc incidents --edition 2026-08
  demarc incidents -o json`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return command.CheckEdition(edition) },
		RunE: command.ListOfBooks(env, func(ctx context.Context, c *api.Client) ([]api.JudgedIncident, error) {
			contract, err := c.Contract(ctx, edition)
			return contract.Incidents, err
		}, "there was no incident", printIncidents),
	}
	command.EditionFlag(c, &edition, command.JudgedBy)
	return c
}

// printIncidents writes a row for each incident, and below it what was out and why.
func printIncidents(w io.Writer, list []api.JudgedIncident) error {
	p := output.PaletteFor(w)
	t := output.Table{Paint: map[int]func(string) string{4: p.Owner}}
	t.Heads("ID\tEVENT\tSTART\tLASTED\tOWNER\tCOVERAGE\tREMEDY\tCLAUSES")
	for _, x := range list {
		j, lasted := x.Judgement, "goes on"
		if !x.End.IsZero() {
			lasted = x.End.Sub(x.Start).Round(time.Second).String()
		}
		t.Row(x.ID, output.EventNumber(x.Event), output.DateTime(x.Start), lasted, j.Owner, j.Coverage, j.Remedy, firstOf(j.Clauses))
		t.Row("    " + x.Subject + ": " + x.Cause)
	}
	return t.Fit(w)
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
