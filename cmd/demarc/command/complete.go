package command

import (
	"context"
	"slices"

	"demarc/sim/api"

	"github.com/spf13/cobra"
)

// Words completes one of a few words.
func Words(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// CompleteFlag says how a flag is completed.
func CompleteFlag(c *cobra.Command, flag string, how cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, how); err != nil {
		panic(err) // only a mistake in this program makes it fail
	}
}

// FirstOf completes the first argument from what words says.
func FirstOf(words func(*cobra.Command) []string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words(c), cobra.ShellCompDirectiveNoFileComp
	}
}

// Completion completes the first argument with what a running cluster has. Without an
// answer there is nothing to complete.
func Completion(e *Env, words func(context.Context, *api.Client) []string) cobra.CompletionFunc {
	return FirstOf(func(c *cobra.Command) []string {
		client, err := e.Client()
		if err != nil {
			return nil
		}
		return words(c.Context(), client)
	})
}

// ListCompletion is Completion with a word for each item of a list.
func ListCompletion[T any](e *Env, get func(context.Context, *api.Client) ([]T, error), word func(T) string) cobra.CompletionFunc {
	return Completion(e, func(ctx context.Context, c *api.Client) (words []string) {
		list, _ := get(ctx, c)
		for _, x := range list {
			if w := word(x); w != "" {
				words = append(words, w)
			}
		}
		return words
	})
}

// Backups asks for the catalogue of backups, the oldest first.
func Backups(ctx context.Context, c *api.Actions) ([]api.Backup, error) {
	list, err := c.Backups(ctx)
	slices.SortStableFunc(list, func(a, b api.Backup) int { return a.At.Compare(b.At) })
	return list, err
}

// KnownBackups asks the engine as the provider, whoever is named: completion only
// helps whoever may read the provider's token.
func (e *Env) KnownBackups(ctx context.Context) []api.Backup {
	client, err := e.ClientAs(api.RoleProvider)
	if err != nil {
		return nil // without an answer there is nothing to complete
	}
	list, _ := Backups(ctx, &client.Actions) // likewise
	return list
}
