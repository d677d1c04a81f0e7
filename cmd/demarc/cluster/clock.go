package cluster

import (
	"context"
	"fmt"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

// clockPoll is how often clock run --wait looks at the clock.
const clockPoll = 100 * time.Millisecond

func clockCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "clock",
		Short: "Read and set the cluster's virtual clock",
		Example: `  demarc clock get
  demarc clock set 60x
  demarc clock run --until 2h --wait`,
	}, clockGetCmd(env), clockSetCmd(env), clockPauseCmd(env), clockRunCmd(env))
}

func clockGetCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "get", Short: "Show the time and the rate", Args: cobra.NoArgs,
		Long: `Get shows the time of the cluster and the rate of its clock. Where this machine is too
slow for the one that was asked for, it shows also the one that was reached over the
last seconds, and the virtual time by which the clock is behind.`,
		Example: "  demarc clock get -o json",
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.Clock, error) { return c.Clock(ctx) },
			output.Sentence(clockText)),
	}
}

func clockSetCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "set RATE", Short: "Set the rate: 1x, 60x, 0.5x, max, pause", Args: cobra.ExactArgs(1),
		Example:           "  demarc clock set 60x",
		ValidArgsFunction: completeRates,
		RunE: func(c *cobra.Command, args []string) error {
			rate, err := api.ParseRate(args[0])
			if err != nil {
				return command.BadInput(err)
			}
			return setClock(c.Context(), env, api.ClockRequest{Rate: rate}, false)
		},
	}
}

func clockPauseCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "pause", Short: "Stop the clock; the API server goes on answering", Args: cobra.NoArgs,
		Example: "  demarc clock pause",
		RunE: func(c *cobra.Command, _ []string) error {
			return setClock(c.Context(), env, api.ClockRequest{Rate: 0}, false)
		},
	}
}

func clockRunCmd(env *command.Env) *cobra.Command {
	var until string
	var wait bool
	c := &cobra.Command{
		Use:   "run [RATE]",
		Short: "Let the clock run, also up to a moment",
		Long: `Run lets the clock run at RATE. Without one it runs at 1x, or with --until as fast
as the machine goes. At the time --until, which is a duration from now or a point
in virtual time, it pauses.`,
		Example: `  demarc clock run
  demarc clock run --until 2h --wait
  demarc clock run 600x --until 2026-08-01T12:00:00Z`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeRates,
		RunE: func(c *cobra.Command, args []string) error {
			req := api.ClockRequest{Rate: 1}
			if until != "" {
				req.Rate = api.FreeRun
			}
			if len(args) == 1 {
				rate, err := api.ParseRate(args[0])
				if err != nil {
					return command.BadInput(err)
				}
				req.Rate = rate
			}
			if err := resolveUntil(c.Context(), env, until, &req); err != nil {
				return err
			}
			return setClock(c.Context(), env, req, wait && until != "")
		},
	}
	c.Flags().StringVar(&until, "until", "", "pause then: a duration of virtual time such as 2h, or a time such as 2026-08-01T12:00:00Z")
	c.Flags().BoolVar(&wait, "wait", false, "with --until, return when the clock has got there")
	return c
}

// resolveUntil makes a point in virtual time of a duration or a time.
func resolveUntil(ctx context.Context, env *command.Env, until string, req *api.ClockRequest) (err error) {
	if until == "" {
		return nil
	}
	if req.Until, err = time.Parse(time.RFC3339, until); err == nil {
		return nil
	}
	d, err := time.ParseDuration(until)
	if err != nil || d <= 0 {
		return &engine.InputError{Message: fmt.Sprintf("--until %s: want a duration such as 2h, or a time such as 2026-08-01T12:00:00Z", until)}
	}
	client, err := env.Client()
	if err != nil {
		return err
	}
	k, err := client.Clock(ctx)
	req.Until = k.Now.Add(d)
	return err
}

// setClock changes the clock, and waits until it has paused if asked to.
func setClock(ctx context.Context, env *command.Env, req api.ClockRequest, wait bool) error {
	client, err := env.Client()
	if err != nil {
		return err
	}
	k, err := client.SetClock(ctx, req)
	for err == nil && wait && k.Rate != 0 {
		if !clock.Sleep(ctx, clockPoll) {
			return context.Cause(ctx)
		}
		k, err = client.Clock(ctx)
	}
	if err != nil {
		return err
	}
	return output.Print(env.Printer, k, output.Sentence(clockText))
}

// clockText says what time it is and how fast that changes.
func clockText(k api.Clock) string {
	text := output.DateTime(k.Now)
	switch {
	case !k.Virtual:
		return text + ", in real time"
	case k.Rate == 0:
		return text + ", paused"
	case k.Rate < 0 && k.Reached > 0:
		return text + ", as fast as the machine goes: " + k.Reached.String()
	case k.Rate < 0:
		return text + ", as fast as the machine goes"
	case k.Behind != 0:
		return text + ", " + k.Lag()
	}
	return text + ", " + k.Rate.String()
}

var completeRates = command.Words("1x", "10x", "60x", "600x", "max", "pause")
