package contract

import (
	"bytes"
	"context"
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
		Long: `Report sums up a cluster since its beginning, whether it runs or is stopped: minutes of outage by owner,
incidents and how they are judged, what was lost, whether the cluster was
supported, in words, as JSON, or as one HTML page with a picture (-o html).
Restores and backups are the provider's: they are in it with --as provider.`,
		Example: `  demarc report
  demarc report -o html --file report.html
  demarc report -o html > report.html
  demarc --as provider report --edition 2026-08`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return command.CheckEdition(edition) },
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := env.ClientOrBooks()
			if err != nil {
				return err
			}
			in, err := reportInput(c.Context(), client, edition, env.Role() != api.RoleCustomer)
			if err != nil {
				return err
			}
			return writeReport(env, report.Make(in), file)
		},
	}, "text", "json", "html")
	c.Flags().StringVar(&file, "file", "", "write it to this file")
	command.EditionFlag(c, &edition, command.JudgedBy)
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
		Incidents: contract.Incidents, Support: contract.Support, Traffic: s.Traffic,
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

// writeReport writes a report in the form that -o names.
func writeReport(env *command.Env, r report.Report, path string) error {
	var text bytes.Buffer
	var err error
	switch env.Format {
	case "json":
		err = (&output.Printer{Out: &text, Ready: env.Ready}).Value(r)
	case "html":
		err = r.HTML(&text)
	default:
		to := env.Out
		if path != "" {
			to = &text
		}
		err = r.Text(&text, output.PaletteFor(to).Bold)
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
