package main

import (
	"context"
	"io"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

// listed runs a command that asks a cluster for a list and prints it, or says that
// there is nothing in it.
func listed[T any](a *app, get func(context.Context, *api.Client) ([]T, error), none string, print func(io.Writer, []T) error) func(*cobra.Command, []string) error {
	return asked(a, func(ctx context.Context, c *api.Client, _ []string) ([]T, error) { return get(ctx, c) }, func(_ io.Writer, list []T) error {
		return output.List(a.Printer, list, none, print)
	})
}

// asked runs a command that asks a cluster for something and prints the answer.
func asked[T any](a *app, ask func(context.Context, *api.Client, []string) (T, error), print func(io.Writer, T) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		client, err := a.client()
		if err != nil {
			return err
		}
		answer, err := ask(c.Context(), client, args)
		if err != nil {
			return err
		}
		return output.Print(a.Printer, answer, print)
	}
}
