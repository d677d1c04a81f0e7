package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/drill"
	"demarc/cmd/demarc/output"
	"demarc/nodes/image"
	"demarc/scenarios/script/reference"
	"demarc/sim/annotation"
	"demarc/sim/api"
	"demarc/sim/desk"
	"demarc/sim/engine"
	"demarc/sim/policy"
	"demarc/sim/preview"

	"github.com/spf13/cobra"
)

// topic is something to read that is of no one command.
type topic struct {
	name, about string
	write       func(io.Writer) error
}

//go:embed environment.md
var environment string

// topics are rendered from what stands beside the code that they are about.
func topics() []topic {
	return []topic{
		{"annotations", "what makes a pod's containers behave otherwise", writeAnnotations},
		{"checks", "what a scenario's checks can see: variables, types and fields", folded(reference.WriteChecks)},
		{"contract", "how the support policy judges what happens", text(policy.Help)},
		{"desk", "how the support desk answers", text(desk.Help)},
		{"environment", "variables, exit codes and logs", text(environment)},
		{"faults", "every kind of fault: what it strikes, its arguments, who may inject it", text(drill.Reference())},
		{"features", "previews of the service and feature gates of Kubernetes", text(preview.Help)},
		{"images", "how containers behave, by their images", text(image.Help)},
		{"nodes", "what customers can do to nodes, and what heals them", text(api.HelpNodes)},
		{"patches", "patches of the nodes' operating system, and vulnerabilities", text(api.HelpPatches)},
		{"provider", "the provider's plane: watchdog, backups, restores, roles", text(api.HelpProvider)},
		{"scenarios", "the language of scenarios", folded(reference.Write)},
		{"upgrades", "upgrades of Kubernetes and of node images, and stops of the cluster", text(api.HelpUpgrades)},
	}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func writeAnnotations(w io.Writer) error {
	if _, err := io.WriteString(w, `# Annotations

No program of an image runs in a container. What it does instead can be said in annotations of
its pod, for all containers or, with .CONTAINER behind the name, for one:

    demarc.dev/exit-after.worker: "30s"

`); err != nil {
		return err
	}
	var t output.Table
	for _, x := range annotation.All {
		t.Row(fmt.Sprintf("%s: %q", x.Name, x.Example), x.Doc)
	}
	if err := t.Write(w, output.LineWidth); err != nil {
		return err
	}
	_, err := io.WriteString(w, `
In a scenario the verb annotate sets them on a running pod. One that is misspelt or has a wrong
value changes nothing: lint finds it, the pod has a warning event, InvalidAnnotation, and demarc
timeline has it, with what was probably meant. The audit log of the API server has
demarc.dev/party for each request: whose it was, customer, provider or recorded.
`)
	return err
}

// folded writes a reference that is wider than topics.
func folded(write func(io.Writer) error) func(io.Writer) error {
	return func(w io.Writer) error {
		var b strings.Builder
		if err := write(&b); err != nil {
			return err
		}
		return text(output.Fold(b.String()))(w)
	}
}

// helpCmd is help for commands and topics.
func helpCmd(env *command.Env, root *cobra.Command) *cobra.Command {
	words := func() (words []string) {
		for _, t := range topics() {
			words = append(words, t.name+"\t"+t.about)
		}
		for _, c := range root.Commands() {
			if c.IsAvailableCommand() {
				words = append(words, c.Name()+"\t"+c.Short)
			}
		}
		return words
	}
	return &cobra.Command{
		Use: "help [COMMAND… | TOPIC]", Short: "Explain a command or a topic",
		Example: `  demarc help
  demarc help annotations
  demarc help clock run`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return words(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				for _, t := range topics() {
					if t.name == args[0] {
						return t.write(env.Out)
					}
				}
			}
			c, rest, err := root.Find(args)
			if err == nil && len(rest) == 0 {
				return c.Help()
			}
			var names []string
			for _, w := range words() {
				name, _, _ := strings.Cut(w, "\t")
				names = append(names, name)
			}
			return &engine.InputError{
				Message: fmt.Sprintf("there is no command or topic %q%s", strings.Join(args, " "), output.DidYouMean(args[0], names)), Hint: "demarc help lists them",
			}
		},
	}
}

// listTopics is the list of topics in the help of demarc itself.
func listTopics() string {
	var b strings.Builder
	t := output.Table{Indent: "  "}
	for _, x := range topics() {
		t.Row(x.name, x.about)
	}
	_ = t.Write(&b, output.LineWidth) // it is written to memory
	return "\n\nTopics (demarc help TOPIC):\n" + strings.TrimSuffix(b.String(), "\n")
}
