package contract

import (
	"cmp"
	"context"
	"io"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func supportListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the cases", Args: cobra.NoArgs,
		Example: "  demarc support list -o json",
		RunE:    command.List(env, cases, "there is no case", printCases),
	}
}

// printCases writes a row for each case, and below it what it is about.
func printCases(w io.Writer, list []api.Case) error {
	t := output.Table{Paint: map[int]func(string) string{3: output.PaletteFor(w).Owner}}
	t.Heads("CASE\tSEVERITY\tSTATE\tOWNER\tCOVERAGE\tREMEDY\tOPENED")
	for _, x := range list {
		v := x.Verdict
		t.Row(x.ID, x.Severity, x.State, cmp.Or(v.Owner, "-"), cmp.Or(v.Coverage, "-"), cmp.Or(v.Remedy, "-"), output.DateTime(x.Opened))
		t.Row("    " + cmp.Or(x.Subject, about(x)) + ": " + x.Symptom)
	}
	return t.Fit(w)
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

func supportShowCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "show CASE", Short: "Show a case with all that was said and found", Args: cobra.ExactArgs(1),
		Example:           "  demarc support show 1",
		ValidArgsFunction: completeCases(env),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.Case, error) {
			id, err := caseID(ctx, c, args[0])
			if err != nil {
				return api.Case{}, err
			}
			return c.Case(ctx, id)
		}, printCase),
	}
}

func printCase(w io.Writer, x api.Case) error {
	var b strings.Builder
	terminal.Fprintf(&b, "case %s, severity %s, %s: about %s\n", x.ID, x.Severity, x.State, cmp.Or(x.Subject, about(x)))
	switch {
	case x.Answered.IsZero():
		terminal.Fprintf(&b, "opened %s, an answer is promised by %s\n", output.DateTime(x.Opened), output.DateTime(x.Due))
	default:
		terminal.Fprintf(&b, "opened %s, answered %s (promised by %s)\n", output.DateTime(x.Opened), output.DateTime(x.Answered), output.DateTime(x.Due))
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
		terminal.Fprintf(&b, "%s %s: %s\n", output.DateTime(e.At), e.By, e.Text)
	}
	if x.Asks != "" {
		terminal.Fprintf(&b, "\nSupport waits for you: %s\n", x.Asks)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
