package main

import (
	"context"
	"errors"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/policy"

	"github.com/spf13/cobra"
)

func (a *app) explainCmd() *cobra.Command {
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
		ValidArgsFunction: a.completeExplain,
		RunE: func(c *cobra.Command, args []string) error {
			x, err := a.explanation(c.Context(), strings.Join(args, " "), edition)
			if err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(x)
			}
			return output.Paragraph(a.Out, x.Text)
		},
	}
	addEdition(c, &edition)
	return c
}

// addEdition adds the flag --edition of commands that judge.
func addEdition(c *cobra.Command, edition *string) {
	c.Flags().StringVar(edition, "edition", "", "edition of the support policy to judge by, in place of the cluster's: "+strings.Join(editionIDs(), ", "))
	must(c.RegisterFlagCompletionFunc("edition", complete(editionIDs()...)))
}

func editionIDs() (ids []string) {
	for _, e := range policy.Editions() {
		ids = append(ids, e.ID)
	}
	return ids
}

// explanation asks the cluster. If there is none, the editions themselves know
// clauses and components.
func (a *app) explanation(ctx context.Context, what, edition string) (api.Explanation, error) {
	if edition != "" {
		if err := checkEdition(edition); err != nil {
			return api.Explanation{}, err
		}
	}
	client, err := a.client()
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
		return api.Explanation{}, badInput(err)
	}
	return x, nil
}

// editionOr is the edition of that ID, or the one that new clusters have.
func editionOr(id string) (*policy.Edition, error) {
	if id == "" {
		id = api.DefaultEdition
	}
	e, err := policy.Lookup(id)
	if err != nil {
		return nil, badInput(err)
	}
	return e, nil
}

// completeExplain completes incidents of a running cluster, clauses and
// components.
func (a *app) completeExplain(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	edition, _ := c.Flags().GetString("edition") // the command has the flag
	if client, err := a.client(); err == nil {
		contract, _ := client.Contract(c.Context(), edition) // without an answer there are no incidents to complete
		for _, x := range contract.Incidents {
			words = append(words, x.ID+"\toutage of "+x.Subject)
		}
		if edition == "" {
			edition = contract.Edition
		}
	}
	e, err := editionOr(edition)
	if err != nil {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	for _, x := range e.Clauses {
		words = append(words, x.ID+"\t"+x.Scope)
	}
	for _, x := range e.Components {
		words = append(words, x.Name+"\tcomponent")
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
