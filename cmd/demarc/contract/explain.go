package contract

import (
	"cmp"
	"context"
	"errors"
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
		Long: `Explain answers in four lines for an event of the timeline or an incident: whose it
is, why, who mends it and by when, and by which clauses; and then shows the chain of
causes, with virtual times and the numbers of events, down to what came of it. It does
so as well for a clause and for a component, by any name that people use (coredns,
containerd, webhook, disk); demarc policy components lists them. Clauses and
components need no cluster.`,
		Example: `  demarc explain i1
  demarc explain event 42 --edition 2026-08
  demarc explain etcd.backup
  demarc explain coredns -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeExplain(env),
		PreRunE:           func(*cobra.Command, []string) error { return command.CheckEdition(edition) },
		RunE: func(c *cobra.Command, args []string) error {
			x, err := explanation(c.Context(), env, strings.Join(args, " "), edition)
			if err != nil {
				return err
			}
			return output.Print(env.Printer, x, printExplanation)
		},
	}
	command.EditionFlag(c, &edition, command.JudgedBy)
	return c
}

// explanation asks the cluster. If there is none, the editions themselves know
// clauses and components.
func explanation(ctx context.Context, env *command.Env, what, edition string) (api.Explanation, error) {
	client, err := env.ClientOrBooks()
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
			for _, name := range e.NamesOf(x) {
				words = append(words, name+"\tof "+x.Name)
			}
		}
		return words
	})
}
