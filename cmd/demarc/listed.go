package main

import (
	"context"
	"fmt"
	"io"

	"demarc/sim/api"

	"github.com/spf13/cobra"
)

// listed runs a command that asks a cluster for a list and prints it, or says that
// there is nothing in it.
func listed[T any](a *app, get func(*api.Client, context.Context) ([]T, error), none string, print func(io.Writer, []T) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		client, err := a.client()
		if err != nil {
			return err
		}
		list, err := get(client, c.Context())
		if err != nil {
			return err
		}
		if a.json() {
			return a.printJSON(list)
		}
		if len(list) == 0 {
			fmt.Fprintln(a.err, none)
			return nil
		}
		return print(a.out, list)
	}
}
