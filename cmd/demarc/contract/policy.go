package contract

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/policy"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func policyCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "policy",
		Short: "Read the support policy and compare its editions",
		Example: `  demarc policy list
  demarc policy components
  demarc policy diff 2019-04 2026-08`,
	}, policyListCmd(env), policyShowCmd(env), policyComponentsCmd(env), policyRulesCmd(env), policyDiffCmd(env))
}

// editionInfo is what the list says of an edition.
type editionInfo struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Date    string `json:"date"`
	Clauses int    `json:"clauses"`
	Source  string `json:"source"`
}

func policyListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the editions of the support policy",
		Example: `  demarc policy list
  demarc policy list -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list := []editionInfo{}
			for _, e := range policy.Editions() {
				list = append(list, editionInfo{ID: e.ID, Title: e.Title, Date: e.Date, Clauses: len(e.Clauses), Source: e.Source})
			}
			return output.Print(env.Printer, list, printEditions)
		},
	}
}

func printEditions(w io.Writer, list []editionInfo) error {
	var t output.Table
	t.Heads("EDITION\tDATE\tCLAUSES\tTITLE AND SOURCE")
	for _, e := range list {
		t.RowOfLines(e.ID, e.Date, strconv.Itoa(e.Clauses), e.Title+"\n"+e.Source)
	}
	return t.Write(w, output.TextWidth(w))
}

func completeEditions(n int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var words []string
		for _, e := range policy.Editions() {
			words = append(words, e.ID+"\t"+e.Title)
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// comparison is what is different between two editions.
type comparison struct {
	From    string          `json:"from"`
	To      string          `json:"to"`
	OnlyA   []policy.Change `json:"onlyInFrom"`
	OnlyB   []policy.Change `json:"onlyInTo"`
	Changed []policy.Change `json:"changed"`
}

func policyDiffCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "diff EDITION EDITION",
		Short: "Show what changed from one edition of the support policy to another",
		Long: `Diff shows which clauses, components and rules only one of two editions has, which
say something else, and where the owner or the coverage changed.`,
		Example: `  demarc policy diff 2019-04 2026-08
  demarc policy diff 2019-04 2026-08 -o json`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeEditions(2),
		RunE: func(_ *cobra.Command, args []string) error {
			from, err := editionOr(args[0])
			if err != nil {
				return err
			}
			to, err := editionOr(args[1])
			if err != nil {
				return err
			}
			return output.Print(env.Printer, compare(from, to), printComparison)
		},
	}
}

func compare(from, to *policy.Edition) comparison {
	d := comparison{From: from.ID, To: to.ID, OnlyA: []policy.Change{}, OnlyB: []policy.Change{}, Changed: []policy.Change{}}
	for _, c := range policy.Diff(from, to) {
		switch c.What {
		case "removed":
			d.OnlyA = append(d.OnlyA, c)
		case "added":
			d.OnlyB = append(d.OnlyB, c)
		default:
			d.Changed = append(d.Changed, c)
		}
	}
	return d
}

func printComparison(w io.Writer, d comparison) error {
	if len(d.OnlyA)+len(d.OnlyB)+len(d.Changed) == 0 {
		_, err := terminal.Fprintf(w, "%s and %s say the same\n", d.From, d.To)
		return err
	}
	style := output.PaletteFor(w)
	first := true
	for _, part := range []struct {
		title string
		list  []policy.Change
		text  func(policy.Change) string
	}{
		{"Only in " + d.From, d.OnlyA, func(c policy.Change) string { return c.Before }},
		{"Only in " + d.To, d.OnlyB, func(c policy.Change) string { return c.After }},
		{"Changed", d.Changed, changeText},
	} {
		if len(part.list) == 0 {
			continue
		}
		if !first {
			fmt.Fprintln(w)
		}
		first = false
		fmt.Fprintln(w, style.Bold(part.title))
		t := output.Table{Indent: "  "}
		for _, c := range part.list {
			t.RowOfLines(c.Kind, c.Name, part.text(c))
		}
		if err := t.Write(w, output.TextWidth(w)); err != nil {
			return err
		}
	}
	return nil
}

// changeText says what something was and is.
func changeText(c policy.Change) string {
	if c.What == "text" {
		return "was: " + c.Before + "\nnow: " + c.After
	}
	text := c.Before + " -> " + c.After
	if _, says, ok := strings.Cut(c.Text, "; now: "); ok { // the words changed, too
		text += "\nnow: " + says
	}
	return text
}
