package main

import (
	"cmp"
	"io"
	"strings"
	"text/tabwriter"

	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) supportListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the cases", Args: cobra.NoArgs,
		Example: "  demarc support list -o json",
		RunE:    listed(a, (*api.Client).Cases, "there is no case", printCases),
	}
}

func printCases(w io.Writer, list []api.Case) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	terminal.Fprintf(t, "CASE\tSEVERITY\tSTATE\tABOUT\tOWNER\tCOVERAGE\tREMEDY\tOPENED\tSYMPTOM\n")
	for _, x := range list {
		v := x.Verdict
		terminal.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.ID, x.Severity, x.State, cmp.Or(x.Subject, about(x)),
			cmp.Or(v.Owner, "-"), cmp.Or(v.Coverage, "-"), cmp.Or(v.Remedy, "-"), dateTime(x.Opened), x.Symptom)
	}
	return t.Flush()
}

// about is what the customer said that a case is about.
func about(x api.Case) string {
	for _, f := range []struct{ kind, name string }{
		{"component", x.Component}, {"node", x.Node}, {"namespace", x.Namespace}, {"pod", x.Pod}, {"chart", x.Chart}, {"topic", x.Topic},
	} {
		if f.name != "" {
			return f.kind + " " + f.name
		}
	}
	return "-"
}

func (a *app) supportShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show CASE", Short: "Show a case with all that was said and found", Args: cobra.ExactArgs(1),
		Example:           "  demarc support show 1",
		ValidArgsFunction: a.completeCases,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			id, err := caseID(c.Context(), client, args[0])
			if err != nil {
				return err
			}
			x, err := client.Case(c.Context(), id)
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(x)
			}
			return printCase(a.out, x)
		},
	}
}

func printCase(w io.Writer, x api.Case) error {
	var b strings.Builder
	terminal.Fprintf(&b, "case %s, severity %s, %s: about %s\n", x.ID, x.Severity, x.State, cmp.Or(x.Subject, about(x)))
	switch {
	case x.Answered.IsZero():
		terminal.Fprintf(&b, "opened %s, an answer is promised by %s\n", dateTime(x.Opened), dateTime(x.Due))
	default:
		terminal.Fprintf(&b, "opened %s, answered %s (promised by %s)\n", dateTime(x.Opened), dateTime(x.Answered), dateTime(x.Due))
	}
	if v := x.Verdict; v.Coverage != "" {
		terminal.Fprintf(&b, "verdict by edition %s: %s; whose it is: %s; who mends it: %s; clauses: %s\n",
			x.Edition, v.Coverage, cmp.Or(v.Owner, "not known yet"), v.Remedy, strings.Join(v.Clauses, ", "))
	}
	if k := x.Upstream; k != nil {
		terminal.Fprintf(&b, "upstream: %s (%s)\n  affects: %s\n  workaround: %s\n  timeline: %s\n", k.Title, k.Issue, k.Affects, k.Workaround, k.Timeline)
	}
	if len(x.Findings) > 0 {
		b.WriteString("\nWhat support found:\n")
	}
	for _, f := range x.Findings {
		terminal.Fprintf(&b, "  %s: %s\n", f.Source, f.Says)
	}
	b.WriteString("\n")
	for _, e := range x.Conversation {
		terminal.Fprintf(&b, "%s %s: %s\n", dateTime(e.At), e.By, e.Text)
	}
	if x.Asks != "" {
		terminal.Fprintf(&b, "\nSupport waits for you: %s\n", x.Asks)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
