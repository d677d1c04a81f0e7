package contract

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/scenarios"
	"demarc/scenarios/script/parse"
	"demarc/sim/policy"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// sections are an edition, or a part of it, with what shows it.
type sections struct {
	Edition  string           `json:"edition"`
	Title    string           `json:"title"`
	Date     string           `json:"date"`
	Source   string           `json:"source"`
	Sections []sectionClauses `json:"sections"`
}

type sectionClauses struct {
	policy.Section
	Clauses []policy.Clause `json:"clauses"`
}

func policyShowCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "show EDITION [SECTION | CLAUSE]",
		Short: "Show the clauses of an edition of the support policy, by section",
		Long: `Show prints the clauses of an edition, or of one of its sections, or one clause:
whose it is, what kind it is (promise, duty, exclusion), what it says in our words,
and which scenarios show it.`,
		Example: `  demarc policy show 2026-08
  demarc policy show 2026-08 etcd-backups
  demarc policy show 2019-04 etcd.backup -o json`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completePolicyShow,
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := editionOr(args[0])
			if err != nil {
				return err
			}
			what := ""
			if len(args) == 2 {
				what = args[1]
			}
			list, err := sectionsOf(e, what)
			if err != nil {
				return err
			}
			return output.Print(env.Printer, list, printSections)
		},
	}
}

// completePolicyShow completes an edition, and then its sections and clauses.
func completePolicyShow(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return completeEditions(1)(c, args, typed)
	}
	e, err := policy.Lookup(args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for _, s := range e.Sections {
		words = append(words, s.ID+"\tsection: "+s.Title)
	}
	for _, x := range e.Clauses {
		words = append(words, x.ID+"\t"+x.Scope)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// sectionsOf is all of an edition, or the section or the clause of that ID.
func sectionsOf(e *policy.Edition, what string) (sections, error) {
	out := sections{Edition: e.ID, Title: e.Title, Date: e.Date, Source: e.Source, Sections: []sectionClauses{}}
	shown := shownBy(e)
	var ids []string
	for _, s := range e.Sections {
		part := sectionClauses{Section: s, Clauses: []policy.Clause{}}
		ids = append(ids, s.ID)
		for _, x := range e.Clauses {
			if x.Section != s.ID {
				continue
			}
			ids = append(ids, x.ID)
			if what == "" || what == s.ID || what == x.ID {
				x.Scenarios = shown[x.ID]
				part.Clauses = append(part.Clauses, x)
			}
		}
		if len(part.Clauses) > 0 {
			out.Sections = append(out.Sections, part)
		}
	}
	if len(out.Sections) == 0 {
		return out, command.BadInput(fmt.Errorf("edition %s has neither a section nor a clause %q%s; demarc policy show %s lists them", e.ID, what, output.DidYouMean(what, ids), e.ID))
	}
	return out, nil
}

// shownBy are the scenarios that show a clause: those that the edition names, and
// built-in ones that name it themselves. Each can be played by every edition, so
// it shows a clause in all that have it.
func shownBy(e *policy.Edition) map[string][]string {
	shown := map[string][]string{}
	for _, x := range e.Clauses {
		shown[x.ID] = slices.Clone(x.Scenarios)
	}
	for _, name := range scenarios.Names() {
		s, err := scenarios.Load(name)
		if err != nil {
			continue // a built-in scenario can always be read
		}
		parsed, _ := parse.Parse(s.File, s.Text) // tests see to it that they have no mistakes
		for _, id := range parsed.Clauses {
			if names, ok := shown[id]; ok && !slices.Contains(names, name) {
				shown[id] = append(names, name)
			}
		}
	}
	for _, names := range shown {
		slices.Sort(names)
	}
	return shown
}

func printSections(w io.Writer, list sections) error {
	style := output.PaletteFor(w)
	terminal.Fprintf(w, "%s\n%s\n", style.Bold(list.Title+", edition "+list.Edition), list.Source)
	for _, s := range list.Sections {
		terminal.Fprintf(w, "\n")
		for _, line := range heading(s.Section, style) {
			terminal.Fprintf(w, "%s\n", line)
		}
		t := output.Table{Indent: "  ", Paint: map[int]func(string) string{1: style.Owner}}
		for _, x := range s.Clauses {
			t.Row(x.ID, x.Owner, x.Kind, x.Says)
			t.Row(showing(x))
		}
		if err := t.Write(w, output.TextWidth(w)); err != nil {
			return err
		}
	}
	return nil
}

// heading is that of a section, and its ID: in one line, or in one for each part of it.
func heading(s policy.Section, style output.Palette) []string {
	if utf8.RuneCountInString(s.Heading()+s.ID)+2 <= output.LineWidth {
		return []string{style.Bold(s.Heading()) + "  " + style.Dim(s.ID)}
	}
	lines := []string{style.Bold(s.Title), s.German, style.Dim(s.ID)}
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" })
}

// showing says which scenarios show a clause, or why none does.
func showing(x policy.Clause) string {
	if len(x.Scenarios) == 0 {
		return "shown by no scenario: " + x.Unshown
	}
	return "shown by: " + strings.Join(x.Scenarios, ", ")
}
