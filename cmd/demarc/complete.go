package main

import (
	"slices"

	"demarc/scenarios"
	"demarc/sim/api"
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
	return clusterNames(), cobra.ShellCompDirectiveNoFileComp
}

// clusterNames are the names of the clusters that can be found.
func clusterNames() []string {
	list, _ := engine.Clusters() // of those that cannot, nothing is to be said
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names
}

// completeScenarios completes built-in scenarios, and files.
func completeScenarios(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return scenarios.Names(), cobra.ShellCompDirectiveDefault
}

// completeFault completes the verb, then what it strikes, then its arguments.
func (a *app) completeFault(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
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
		words = k.TargetWords()
		if slices.Contains(k.Targets, fault.Backup) {
			for _, b := range a.knownBackups(c) {
				words = append(words, "backup/"+b.ID)
			}
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
			words = append(words, f.ID+"\t"+f.Spec.String())
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeBackups completes the IDs of backups.
func (a *app) completeBackups(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	words := []string{fault.Latest + "\tthe newest"}
	for _, b := range a.knownBackups(c) {
		words = append(words, b.ID+"\t"+backupSummary(b))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// knownBackups asks the engine as the provider, whoever is named: completion only
// helps whoever may read the provider's token.
func (a *app) knownBackups(c *cobra.Command) []api.Backup {
	client, err := a.clientAs(api.RoleProvider)
	if err != nil {
		return nil // without an answer there is nothing to complete
	}
	list, _ := backups(c.Context(), &client.Actions) // likewise
	return list
}
