package main

import (
	"context"
	"fmt"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

// clockPoll is how often clock run --wait looks at the clock.
const clockPoll = 100 * time.Millisecond

func (a *app) clockCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "clock",
		Short: "Read and set the cluster's virtual clock",
		Example: `  demarc clock get
  demarc clock set 60x
  demarc clock run --until 2h --wait`,
	}, a.clockGetCmd(), a.clockSetCmd(), a.clockPauseCmd(), a.clockRunCmd())
}

func (a *app) clockGetCmd() *cobra.Command {
	return &cobra.Command{
		Use: "get", Short: "Show the time and the rate", Args: cobra.NoArgs,
		Example: "  demarc clock get -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			k, err := client.Clock(c.Context())
			if err != nil {
				return err
			}
			return a.printClock(k)
		},
	}
}

func (a *app) clockSetCmd() *cobra.Command {
	return &cobra.Command{
		Use: "set RATE", Short: "Set the rate: 1x, 60x, 0.5x, max, pause", Args: cobra.ExactArgs(1),
		Example:           "  demarc clock set 60x",
		ValidArgsFunction: completeRates,
		RunE: func(c *cobra.Command, args []string) error {
			rate, err := api.ParseRate(args[0])
			if err != nil {
				return badInput(err)
			}
			return a.setClock(c.Context(), api.ClockRequest{Rate: rate}, false)
		},
	}
}

func (a *app) clockPauseCmd() *cobra.Command {
	return &cobra.Command{
		Use: "pause", Short: "Stop the clock; the API server goes on answering", Args: cobra.NoArgs,
		Example: "  demarc clock pause",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.setClock(c.Context(), api.ClockRequest{Rate: 0}, false)
		},
	}
}

func (a *app) clockRunCmd() *cobra.Command {
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
					return badInput(err)
				}
				req.Rate = rate
			}
			if err := a.resolveUntil(c.Context(), until, &req); err != nil {
				return err
			}
			return a.setClock(c.Context(), req, wait && until != "")
		},
	}
	c.Flags().StringVar(&until, "until", "", "pause then: a duration of virtual time such as 2h, or a time such as 2026-08-01T12:00:00Z")
	c.Flags().BoolVar(&wait, "wait", false, "with --until, return when the clock has got there")
	return c
}

// resolveUntil makes a point in virtual time of a duration or a time.
func (a *app) resolveUntil(ctx context.Context, until string, req *api.ClockRequest) (err error) {
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
	client, err := a.client()
	if err != nil {
		return err
	}
	k, err := client.Clock(ctx)
	req.Until = k.Now.Add(d)
	return err
}

// setClock changes the clock, and waits until it has paused if asked to.
func (a *app) setClock(ctx context.Context, req api.ClockRequest, wait bool) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	k, err := client.SetClock(ctx, req)
	for err == nil && wait && k.Rate != 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(clockPoll):
		}
		k, err = client.Clock(ctx)
	}
	if err != nil {
		return err
	}
	return a.printClock(k)
}

func (a *app) printClock(k api.Clock) error {
	if a.JSON() {
		return a.Value(k)
	}
	_, err := fmt.Fprintln(a.Out, clockText(k))
	return err
}

// clockText says what time it is and how fast that changes.
func clockText(k api.Clock) string {
	text := output.DateTime(k.Now)
	switch {
	case !k.Virtual:
		return text + ", in real time"
	case k.Rate == 0:
		return text + ", paused"
	case k.Rate < 0:
		return text + ", as fast as the machine goes"
	}
	return text + ", " + k.Rate.String()
}
