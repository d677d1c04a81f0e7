package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/report"

	"github.com/spf13/cobra"
)

func reportCmd(env *command.Env) *cobra.Command {
	var file, edition string
	c := output.WithFormats(&cobra.Command{
		Use:   "report",
		Short: "Report on the life of a cluster: outages, whose they were, what healed them, what was lost",
		Long: `Report sums up a cluster since its beginning, whether it runs or is stopped: minutes
of outage by owner, incidents and how they are judged, what was lost, whether the
cluster was supported, in words, as JSON, or as one HTML page with a picture (-o html).
Restores and backups are the provider's: they are in it with --as provider. With
--edition both it is judged by both editions: one page with both side by side, one
text below the other, and as JSON a list of two.`,
		Example: `  demarc report
  demarc report -o html --file report.html
  demarc report -o html > report.html
  demarc report --edition both -o html --file report.html
  demarc --as provider report --edition 2026-08`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return command.CheckEditions(edition) },
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := env.ClientOrBooks()
			if err != nil {
				return err
			}
			var reports []report.Report
			for _, id := range command.EditionIDs(edition) {
				in, err := reportInput(c.Context(), client, id, env.Role() != api.RoleCustomer)
				if err != nil {
					return err
				}
				if len(reports) > 0 {
					in.To = reports[0].To // of the same time
				}
				reports = append(reports, report.Make(in))
			}
			return writeReports(env, reports, file)
		},
	}, "text", "json", "html")
	c.Flags().StringVar(&file, "file", "", "write it to this file")
	command.EditionsFlag(c, &edition, command.JudgedBy)
	return c
}

// reportInput asks for what a report is made of: restores and backups are not for
// customers.
func reportInput(ctx context.Context, client *api.Client, edition string, provider bool) (in report.Input, err error) {
	s, err := client.Status(ctx)
	if err != nil {
		return in, err
	}
	contract, err := client.Contract(ctx, edition)
	if err != nil {
		return in, err
	}
	in = report.Input{
		Title: "The cluster " + s.Name, Cluster: s.Name, Edition: contract.Edition, To: s.Now,
		Incidents: contract.Incidents, Support: contract.Support, Traffic: s.Traffic, Availability: s.Availability,
	}
	if in.Events, err = client.Timeline(ctx, 0); err != nil {
		return in, err
	}
	if in.Repairs, err = client.Repairs(ctx); err != nil {
		return in, err
	}
	if !provider {
		return in, nil
	}
	if in.Restores, err = client.Restores(ctx); err != nil {
		return in, err
	}
	in.Backups, err = client.Backups(ctx)
	return in, err
}

// writeReports writes a report, or one by each edition, in the form that -o names.
func writeReports(env *command.Env, reports []report.Report, path string) error {
	var text bytes.Buffer
	var err error
	switch p := (&output.Printer{Out: &text, Ready: env.Ready}); {
	case env.JSON() && len(reports) == 1:
		err = p.Value(reports[0])
	case env.JSON():
		err = p.Value(reports)
	case env.Format == "html":
		err = report.HTML(&text, reports)
	default:
		to := env.Out
		if path != "" {
			to = &text
		}
		for i, r := range reports {
			if i > 0 {
				text.WriteString("\n\n")
			}
			err = errors.Join(err, r.Text(&text, output.PaletteFor(to).Bold))
		}
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if path == "" {
		_, err = env.Out.Write(text.Bytes())
		return err
	}
	f, err := output.CreateFile(path)
	if err != nil {
		return command.BadInput(fmt.Errorf("--file: %w", err))
	}
	defer f.Discard()
	return f.Publish(func(w io.Writer) error {
		_, err := w.Write(text.Bytes())
		return err
	})
}
