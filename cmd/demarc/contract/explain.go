package contract

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/policy"

	"github.com/spf13/cobra"
)

func explainCmd(env *command.Env) *cobra.Command {
	var edition string
	c := &cobra.Command{
		Use:   "explain EVENT | INCIDENT | CLAUSE | COMPONENT",
		Short: "Say whose something is by the support contract, and why",
		Long: `Explain says who answers for an event of the timeline or an incident, whether it
is covered and who mends it, by which clauses, and from which cause; or what a
clause says, or whose a component is. Clauses and components need no cluster.`,
		Example: `  demarc explain i1
  demarc explain event 42 --edition 2026-08
  demarc explain etcd.backup
  demarc explain kubelet -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeExplain(env),
		PreRunE:           func(*cobra.Command, []string) error { return command.CheckEdition(edition) },
		RunE: func(c *cobra.Command, args []string) error {
			x, err := explanation(c.Context(), env, strings.Join(args, " "), edition)
			if err != nil {
				return err
			}
			return output.Print(env.Printer, x, func(w io.Writer, x api.Explanation) error { return output.Paragraph(w, x.Text) })
		},
	}
	command.EditionFlag(c, &edition, command.JudgedBy)
	return c
}

// explanation asks the cluster. If there is none, the editions themselves know
// clauses and components.
func explanation(ctx context.Context, env *command.Env, what, edition string) (api.Explanation, error) {
	client, err := env.Client()
	if err == nil {
		return client.Explain(ctx, what, edition)
	}
	if missing := (*engine.InputError)(nil); !errors.As(err, &missing) || policy.NeedsWorld(what) {
		return api.Explanation{}, err
	}
	e, err := editionOr(edition)
	if err != nil {
		return api.Explanation{}, err
	}
	x, err := e.Explain(policy.World{}, what)
	if err != nil {
		return api.Explanation{}, command.BadInput(err)
	}
	return x, nil
}

// editionOr is the edition of that ID, or the one that new clusters have.
func editionOr(id string) (*policy.Edition, error) {
	e, err := policy.Lookup(cmp.Or(id, api.DefaultEdition))
	if err != nil {
		return nil, command.BadInput(err)
	}
	return e, nil
}

// completeExplain completes incidents of a running cluster, clauses and
// components.
func completeExplain(env *command.Env) cobra.CompletionFunc {
	return command.FirstOf(func(c *cobra.Command) (words []string) {
		edition, _ := c.Flags().GetString("edition") // the command has the flag
		if client, err := env.Client(); err == nil {
			contract, _ := client.Contract(c.Context(), edition) // without an answer there are no incidents to complete
			for _, x := range contract.Incidents {
				words = append(words, x.ID+"\toutage of "+x.Subject)
			}
			edition = cmp.Or(edition, contract.Edition)
		}
		e, err := editionOr(edition)
		if err != nil {
			return words
		}
		for _, x := range e.Clauses {
			words = append(words, x.ID+"\t"+x.Scope)
		}
		for _, x := range e.Components {
			words = append(words, x.Name+"\tcomponent")
		}
		return words
	})
}
