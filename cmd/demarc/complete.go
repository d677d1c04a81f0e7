package main

import (
	"strings"

	"demarc/scenarios"
	"demarc/sim/engine"
	"demarc/sim/fault"

	"github.com/spf13/cobra"
)

// complete completes one of a few words.
func complete(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

func completeRates(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"1x", "10x", "60x", "600x", "max", "pause"}, cobra.ShellCompDirectiveNoFileComp
}

func completeClusters(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	names, err := engine.Clusters()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeScenarios completes built-in scenarios, and files.
func completeScenarios(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return scenarios.Names(), cobra.ShellCompDirectiveDefault
}

// completeFault completes the verb, then what it strikes, then its arguments.
func completeFault(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if len(args) == 0 {
		for _, k := range fault.Kinds() {
			words = append(words, k.Verb+"\t"+k.Summary)
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	k, ok := fault.Lookup(args[0])
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if len(args) == 1 {
		for _, t := range strings.Split(targets(k), ", ") {
			// Of the forms with parts only the first part can be completed.
			word, _, _ := strings.Cut(t, "/")
			if word != t {
				word += "/"
			}
			words = append(words, word)
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	for _, x := range append(k.Args, fault.By()) {
		words = append(words, x.Name+"=\t"+x.Doc)
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeActive completes the faults that are in force.
func (a *app) completeActive(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	words := []string{"all"}
	if client, err := a.client(); err == nil {
		active, _ := client.Faults(c.Context()) // without an answer there is nothing to complete
		for _, f := range active {
			words = append(words, f.ID+"\t"+specText(f.Spec))
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
