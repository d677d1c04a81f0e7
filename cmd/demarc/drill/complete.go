package drill

import (
	"slices"

	"demarc/cmd/demarc/command"
	"demarc/scenarios"
	"demarc/sim/fault"

	"github.com/spf13/cobra"
)

// completeScenarios completes built-in scenarios, and files.
func completeScenarios(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return scenarios.Names(), cobra.ShellCompDirectiveDefault
}

// completeFault completes the verb, then what it strikes, then its arguments.
func completeFault(env *command.Env) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) (words []string, _ cobra.ShellCompDirective) {
		if len(args) == 0 {
			for _, k := range fault.Kinds() {
				words = append(words, k.Verb+"\t"+k.Summary)
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		}
		k, ok := fault.Lookup(args[0])
		switch {
		case !ok:
			return nil, cobra.ShellCompDirectiveNoFileComp
		case len(args) == 1:
			words = k.TargetWords()
			if slices.Contains(k.Targets, fault.Backup) {
				for _, b := range env.KnownBackups(c.Context()) {
					words = append(words, "backup/"+b.ID)
				}
			}
		default:
			for _, x := range append(k.Args, fault.By()) {
				words = append(words, x.Name+"=\t"+x.Doc)
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completeActive completes the faults that are in force.
func completeActive(env *command.Env) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		words := []string{"all"}
		if client, err := env.Client(); err == nil {
			active, _ := client.Faults(c.Context()) // without an answer there is nothing to complete
			for _, f := range active {
				words = append(words, f.ID+"\t"+f.Spec.String())
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}
