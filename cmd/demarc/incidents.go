package main

import (
	"fmt"
	"time"

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
			if a.json() {
				return a.printJSON(contract.Incidents)
			}
			if len(contract.Incidents) == 0 {
				fmt.Fprintln(a.err, "there was no incident")
				return nil
			}
			return a.printIncidents(contract.Incidents)
		},
	}
	addEdition(c, &edition)
	return c
}

func (a *app) printIncidents(list []api.JudgedIncident) error {
	style := paletteFor(a.out)
	t := table{paint: map[int]func(string) string{2: style.owner}}
	t.row("INCIDENT", "SUBJECT", "OWNER", "COVERAGE", "REMEDY", "CLAUSES", "START", "DETECTED", "END", "CAUSE")
	for _, x := range list {
		j := x.Judgement
		t.row(x.ID, x.Subject, j.Owner, j.Coverage, j.Remedy, firstOf(j.Clauses), dateTime(x.Start), dateTimeOr(x.Detected, "no"), dateTimeOr(x.End, "lasts"), x.Cause)
	}
	return t.write(a.out, 0)
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

func dateTimeOr(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return dateTime(t)
}
