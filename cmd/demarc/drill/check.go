package drill

import (
	"context"
	"errors"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func checkCmd(env *command.Env) *cobra.Command {
	var within, throughout time.Duration
	c := &cobra.Command{
		Use:   "check EXPRESSION",
		Short: "Look at a check of the scenarios in a cluster that runs",
		Long: `Check looks whether an expression is true in the cluster: as it is now, or with
--within as soon as it is, or with --throughout for a time. Both are virtual time:
the clock must run. The expression is CEL, in the words of demarc help checks;
traffic is counted from its beginning, and in a window from there. Checks see what
is the provider's too, so they are the director's.

Exit codes: 0 it held, 1 it did not, 2 a mistake in the input, 3 the engine failed.`,
		Example: `  demarc --as director check 'nodes.size()==3'
  demarc --as director check --within 5m 'incidents.all(i,!i.open)'
  demarc --as director check --throughout 10m traffic.shop.failed==0`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("within") && within <= 0 || c.Flags().Changed("throughout") && throughout <= 0 {
				return command.BadInput(errors.New("want a time longer than 0 to look at a check for, such as 5m"))
			}
			client, err := env.Client()
			if err != nil {
				return err
			}
			return look(c.Context(), env, client, args[0], within, throughout)
		},
	}
	c.Flags().DurationVar(&within, "within", 0, "wait until it is true, but not longer than this")
	c.Flags().DurationVar(&throughout, "throughout", 0, "it must be true for this long")
	c.MarkFlagsMutuallyExclusive("within", "throughout")
	return c
}

// look asks for a check, and ends with an exit code if it did not hold.
func look(ctx context.Context, env *command.Env, client *api.Client, expression string, within, throughout time.Duration) error {
	r, err := client.Check(ctx, expression, span(within), span(throughout))
	if err != nil {
		return err
	}
	err = output.Print(env.Printer, r, output.Sentence(func(r api.CheckResult) string {
		if r.Held {
			return "held: " + r.Seen
		}
		return "did not hold: " + r.Seen
	}))
	if err == nil && !r.Held {
		err = command.Exit(command.NotHeld)
	}
	return err
}

// span is a duration as the engine reads it; none is empty.
func span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
