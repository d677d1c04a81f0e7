package contract

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/policy"

	"github.com/spf13/cobra"
)

// component is what the list says of a component of an edition.
type component struct {
	policy.Component
	// Names are what else people call it, and what belongs to it.
	Names []string `json:"names"`
}

func policyComponentsCmd(env *command.Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "components",
		Short: "List the parts of a cluster, whose each is, and by what names it is known",
		Long: `Components lists what an edition of the support policy knows: whose each part is,
whether the provider manages it, the clause that says so, and the names by which
people know it, each of which demarc explain takes. -o json has the subjects of the
timeline that belong to it, too. Without --edition it is the one that new clusters have.`,
		Example: `  demarc policy components
  demarc policy components --edition 2026-08
  demarc policy components -o json | jq -r '.[] | select(.managed) | .name'`,
	}
	return ofEdition(env, c, func(e *policy.Edition) []component {
		list := []component{}
		for _, x := range e.Components {
			list = append(list, component{Component: x, Names: e.NamesOf(x)})
		}
		return list
	}, printComponents)
}

func printComponents(w io.Writer, list []component) error {
	t := output.Table{Paint: map[int]func(string) string{1: output.PaletteFor(w).Owner}}
	t.Heads("COMPONENT\tOWNER\tMANAGED\tCLAUSE\tKNOWN AS")
	for _, x := range list {
		t.Row(x.Name, x.Owner, output.YesNo(x.Managed), x.Clause, cmp.Or(strings.Join(x.Names, ", "), "-"))
	}
	return t.Write(w, output.LineWidth)
}

// rule is what the list says of a rule of an edition.
type rule struct {
	// N is its place: the first rule that holds decides.
	N int `json:"n"`
	policy.Rule
}

func policyRulesCmd(env *command.Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "rules",
		Short: "List the rules by which outages are judged, in their order",
		Long: `Rules lists what an edition of the support policy judges by, in its order: the first
rule whose condition holds decides. A condition is CEL over the event that is judged
and the root of its causes; it is whole in -o json, as is what the rule says then.
Without --edition they are those that new clusters have.`,
		Example: `  demarc policy rules
  demarc policy rules --edition 2026-08 -o json | jq '.[] | select(.owner == "customer") | .when'`,
	}
	return ofEdition(env, c, func(e *policy.Edition) []rule {
		list := []rule{}
		for i, x := range e.Rules {
			list = append(list, rule{N: i + 1, Rule: x})
		}
		return list
	}, printRules)
}

// printRules writes a row for each rule, and below it when it holds.
func printRules(w io.Writer, list []rule) error {
	p := output.PaletteFor(w)
	t := output.Table{Paint: map[int]func(string) string{2: p.Owner}}
	t.Heads("N\tRULE\tOWNER\tCOVERAGE\tREMEDY\tCLAUSES")
	for _, x := range list {
		t.Row(x.N, x.ID, x.Owner, x.Coverage, x.Remedy, strings.Join(x.Clauses, ", "))
		t.Row(fmt.Sprintf("    when %s", strings.Join(strings.Fields(x.When), " ")))
	}
	return t.Fit(w)
}

// ofEdition has a command print a list of what an edition has: the one that --edition
// names, or that new clusters have.
func ofEdition[T any](env *command.Env, c *cobra.Command, get func(*policy.Edition) []T, text func(io.Writer, []T) error) *cobra.Command {
	var edition string
	c.Args = cobra.NoArgs
	c.PreRunE = func(*cobra.Command, []string) error { return command.CheckEdition(edition) }
	c.RunE = func(*cobra.Command, []string) error {
		e, err := editionOr(edition)
		if err != nil {
			return err
		}
		return output.Print(env.Printer, get(e), text)
	}
	command.EditionFlag(c, &edition, "")
	return c
}
