package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

// Ask runs a command that asks a cluster for something, or to do something, and prints
// the answer.
func Ask[T any](e *Env, ask func(context.Context, *api.Client, []string) (T, error), text func(io.Writer, T) error) func(*cobra.Command, []string) error {
	return askOf(e, e.Client, ask, text)
}

func askOf[T any](e *Env, of func() (*api.Client, error), ask func(context.Context, *api.Client, []string) (T, error), text func(io.Writer, T) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		client, err := of()
		if err != nil {
			return err
		}
		answer, err := ask(c.Context(), client, args)
		if err != nil {
			return err
		}
		return output.Print(e.Printer, answer, text)
	}
}

// List runs a command that asks a cluster for a list and prints it, or says that there is
// nothing in it.
func List[T any](e *Env, get func(context.Context, *api.Client) ([]T, error), none string, text func(io.Writer, []T) error) func(*cobra.Command, []string) error {
	return listOf(e, e.Client, get, none, text)
}

// ListOfBooks is List for what a cluster that is stopped knows, too.
func ListOfBooks[T any](e *Env, get func(context.Context, *api.Client) ([]T, error), none string, text func(io.Writer, []T) error) func(*cobra.Command, []string) error {
	return listOf(e, e.ClientOrBooks, get, none, text)
}

func listOf[T any](e *Env, of func() (*api.Client, error), get func(context.Context, *api.Client) ([]T, error), none string, text func(io.Writer, []T) error) func(*cobra.Command, []string) error {
	return askOf(e, of, func(ctx context.Context, c *api.Client, _ []string) ([]T, error) { return get(ctx, c) }, func(_ io.Writer, list []T) error {
		return output.List(e.Printer, list, none, text)
	})
}

// awaitPoll is how often it is asked how far something is, in real time.
const awaitPoll = 100 * time.Millisecond

// State is how far something is that goes on in a cluster.
type State struct {
	ID, Text string
	Over     bool
}

// Await shows how something goes on until it is over. What is a word for it, state says
// how far it is, and list asks for all of its kind.
func Await[T any](ctx context.Context, e *Env, c *api.Actions, what string, x T, state func(T) State, list func(context.Context) ([]T, error)) (T, error) {
	if k, err := c.Clock(ctx); err == nil && k.Virtual && k.Rate == 0 {
		fmt.Fprintf(e.Err, "the virtual clock is paused: the %s goes on when it runs (demarc clock run)\n", what)
	}
	show := output.NewProgress(e.Err)
	defer show.End()
	for {
		now := state(x)
		if now.Over {
			return x, nil
		}
		show.Show(now.Text)
		if !clock.Sleep(ctx, awaitPoll) {
			return x, context.Cause(ctx)
		}
		all, err := list(ctx)
		if err != nil {
			return x, err
		}
		i := slices.IndexFunc(all, func(y T) bool { return state(y).ID == now.ID })
		if i < 0 {
			return x, &engine.FailedError{Reason: "it no longer knows of the " + what + " " + now.ID}
		}
		x = all[i]
	}
}
