package node

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func escalateCmd(env *command.Env) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "escalate NODE",
		Short: "Ask the provider to restart a node",
		Long: `Escalate is for a node that the service does not heal by itself: the provider
restarts it, with everything that runs on it. It prints the repair that was begun;
demarc repairs tells how it goes on.`,
		Example: `  demarc escalate 0
  demarc escalate vmss000001 --reason kubelet-hangs`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: command.Nodes(env),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.Repair, error) {
			node, err := command.ResolveNode(ctx, c, args[0])
			if err != nil {
				return api.Repair{}, err
			}
			return c.Escalate(ctx, api.EscalationRequest{Node: node, Reason: reason})
		}, output.Sentence(func(r api.Repair) string {
			return fmt.Sprintf("repair %s of %s: %s (%s)", r.ID, r.Subject, r.Outcome, repairActions(r))
		})),
	}
	c.Flags().StringVar(&reason, "reason", "", "what is wrong with it")
	return c
}

func repairsCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "repairs",
		Short: "List what was healed: by nodes themselves, by the provider, on escalation",
		Long: `Repairs lists what broke on nodes and in managed add-ons, which layer of
self-healing saw to it, what it did, and how long after it broke it was noticed and
was well again.`,
		Example: `  demarc repairs
  demarc repairs -o json`,
		Args: cobra.NoArgs,
		RunE: command.ListOfBooks(env, func(ctx context.Context, c *api.Client) ([]api.Repair, error) { return c.Repairs(ctx) }, "there was no repair", printRepairs),
	}
}

// printRepairs writes a row for each repair, and below it what broke, what was done and what
// was lost.
func printRepairs(w io.Writer, list []api.Repair) error {
	var t output.Table
	t.Heads("SUBJECT\tEVENT\tLAYER\tDETECTED\tHEALED\tOUTCOME")
	for _, r := range list {
		detected, healed, outcome := "no", "no", r.Outcome
		if !r.Detected.IsZero() {
			detected = "after " + output.Span(r.DetectedAfterSeconds)
		}
		if !r.Healed.IsZero() {
			healed = "after " + output.Span(r.HealedAfterSeconds)
		}
		if r.Reason != "" {
			outcome += ": " + r.Reason
		}
		t.Row(r.Subject, output.EventNumber(r.Event), r.Layer, detected, healed, outcome)
		more := cmp.Or(r.Cause, "-") + "; " + repairActions(r)
		if len(r.Lost) > 0 {
			more += "; lost: " + strings.Join(r.Lost, ", ")
		}
		t.Row("    " + more)
	}
	return t.Fit(w)
}

// repairActions says what was done, in its order.
func repairActions(r api.Repair) string {
	var words []string
	for _, x := range r.Actions {
		word := x.Action
		if x.Error != "" {
			word += " (" + x.Error + ")"
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "none yet"
	}
	return strings.Join(words, ", ")
}
