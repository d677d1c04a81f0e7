package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (a *app) incidentsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "incidents",
		Short: "List the outages and failed backups, and whose they are",
		Example: `  demarc incidents
  demarc incidents -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			list, err := client.Incidents(c.Context())
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(list)
			}
			if len(list) == 0 {
				fmt.Fprintln(a.err, "there was no incident")
				return nil
			}
			t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintf(t, "INCIDENT\tSUBJECT\tOWNER\tSTART\tDETECTED\tEND\tCAUSE\n")
			for _, i := range list {
				detected, end := "no", "lasts"
				if !i.Detected.IsZero() {
					detected = dateTime(i.Detected)
				}
				if !i.End.IsZero() {
					end = dateTime(i.End)
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Subject, i.Owner, dateTime(i.Start), detected, end, i.Cause)
			}
			return t.Flush()
		},
	}
}

func (a *app) replicasCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "replicas",
		Short: "Show the replicas of the provider's own plane",
		Long: `Replicas shows the three replicas of the plane from which the provider operates
the cluster, and how far each has come in their common log. They are out of
customers' reach: without --as provider the engine refuses.`,
		Example: `  demarc --as provider replicas
  demarc --as provider replicas -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			list, err := client.Replicas(c.Context())
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(list)
			}
			t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintf(t, "REPLICA\tSTATE\tNETWORK\tTERM\tAPPLIED\tLAST\tSINCE\n")
			for _, r := range list {
				fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", r.Name, r.State, r.Network, r.Term, r.Applied, r.Last, dateTime(r.Since))
			}
			return t.Flush()
		},
	}
}
