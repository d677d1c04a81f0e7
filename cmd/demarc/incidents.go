package main

import (
	"fmt"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func (a *app) incidentsCmd() *cobra.Command {
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
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if edition != "" {
				if err := checkEdition(edition); err != nil {
					return err
				}
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			contract, err := client.Contract(c.Context(), edition)
			if err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(contract.Incidents)
			}
			if len(contract.Incidents) == 0 {
				fmt.Fprintln(a.Err, "there was no incident")
				return nil
			}
			return a.printIncidents(contract.Incidents)
		},
	}
	addEdition(c, &edition)
	return c
}

func (a *app) printIncidents(list []api.JudgedIncident) error {
	style := output.PaletteFor(a.Out)
	t := output.Table{Paint: map[int]func(string) string{2: style.Owner}}
	t.Row("INCIDENT", "SUBJECT", "OWNER", "COVERAGE", "REMEDY", "CLAUSES", "START", "DETECTED", "END", "CAUSE")
	for _, x := range list {
		j := x.Judgement
		t.Row(x.ID, x.Subject, j.Owner, j.Coverage, j.Remedy, firstOf(j.Clauses), output.DateTime(x.Start), output.DateTimeOr(x.Detected, "no"), output.DateTimeOr(x.End, "lasts"), x.Cause)
	}
	return t.Write(a.Out, 0)
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
