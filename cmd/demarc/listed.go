package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// listed runs a command that asks a cluster for a list and prints it, or says that
// there is nothing in it.
func listed[T any](a *app, get func(context.Context, *api.Client) ([]T, error), none string, print func(io.Writer, []T) error) func(*cobra.Command, []string) error {
	return asked(a, func(ctx context.Context, c *api.Client, _ []string) ([]T, error) { return get(ctx, c) }, func(w io.Writer, list []T) error {
		if len(list) == 0 {
			fmt.Fprintln(a.err, none)
			return nil
		}
		return print(w, list)
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
		if a.json() {
			return a.printJSON(answer)
		}
		return print(a.out, answer)
	}
}

// columns prints a list under heads that are separated by tabs, with the cells of each
// item below them.
func columns[T any](heads string, cells func(T) []any) func(io.Writer, []T) error {
	return func(w io.Writer, list []T) error {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, heads)
		for _, x := range list {
			row := cells(x)
			terminal.Fprintf(t, strings.Repeat("%v\t", len(row)-1)+"%v\n", row...)
		}
		return t.Flush()
	}
}

// sentence prints an answer in one line.
func sentence[T any](text func(T) string) func(io.Writer, T) error {
	return func(w io.Writer, x T) error {
		_, err := terminal.Fprintf(w, "%s\n", text(x))
		return err
	}
}
