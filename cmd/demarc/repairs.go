package main

import (
	"io"
	"strings"
	"text/tabwriter"

	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) escalateCmd() *cobra.Command {
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
		ValidArgsFunction: a.completeNodes,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			node, err := resolveNode(c.Context(), client, args[0])
			if err != nil {
				return err
			}
			r, err := client.Escalate(c.Context(), api.EscalationRequest{Node: node, Reason: reason})
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(r)
			}
			_, err = terminal.Fprintf(a.out, "repair %s of %s: %s (%s)\n", r.ID, r.Subject, r.Outcome, repairActions(r))
			return err
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "what is wrong with it")
	return c
}

func (a *app) repairsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "repairs",
		Short: "List what was healed: by nodes themselves, by the provider, on escalation",
		Long: `Repairs lists what broke on nodes and in managed add-ons, which layer of
self-healing saw to it, what it did, and how long after it broke it was noticed and
was well again.`,
		Example: `  demarc repairs
  demarc repairs -o json`,
		Args: cobra.NoArgs,
		RunE: listed(a, (*api.Client).Repairs, "there was no repair", printRepairs),
	}
}

func printRepairs(w io.Writer, list []api.Repair) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	terminal.Fprintf(t, "SUBJECT\tLAYER\tCAUSE\tACTIONS\tDETECTED\tHEALED\tOUTCOME\tLOST\n")
	for _, r := range list {
		detected, healed, outcome := "no", "no", r.Outcome
		if !r.Detected.IsZero() {
			detected = "after " + span(r.DetectedAfterSeconds)
		}
		if !r.Healed.IsZero() {
			healed = "after " + span(r.HealedAfterSeconds)
		}
		if r.Reason != "" {
			outcome += ": " + r.Reason
		}
		terminal.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Subject, r.Layer, r.Cause, repairActions(r), detected, healed, outcome, strings.Join(r.Lost, ", "))
	}
	return t.Flush()
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
