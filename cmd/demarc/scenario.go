package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/scenarios"
	"demarc/scenarios/script"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) scenarioCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "scenario",
		Short: "Write scenarios and check them",
		Example: `  demarc scenario new outage.txtar
  demarc scenario lint outage.txtar
  demarc drill outage.txtar`,
	}, a.scenarioLintCmd(), a.scenarioVerbsCmd(), a.scenarioNewCmd())
}

func (a *app) scenarioLintCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "lint FILE…",
		Short: "Find every mistake in scenario files, without starting anything",
		Long: `Lint checks scenario files, or built-in scenarios by name, and prints each mistake
with file, line and column. The exit code is 2 if there are any.`,
		Example:           "  demarc scenario lint outage.txtar",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeScenarios,
		RunE: func(_ *cobra.Command, args []string) error {
			problems := []script.Problem{}
			for _, name := range args {
				s, err := scenarios.Load(name)
				if err != nil {
					return badInput(err)
				}
				_, found := script.Parse(s.File, s.Text)
				problems = append(problems, found...)
			}
			return a.printProblems(problems, len(args))
		},
	}
}

func (a *app) printProblems(problems []script.Problem, files int) error {
	if a.JSON() {
		if err := a.Value(problems); err != nil {
			return err
		}
	} else {
		for _, p := range problems {
			if _, err := fmt.Fprintln(a.Out, p); err != nil {
				return err
			}
		}
	}
	if len(problems) > 0 {
		return exitStatus(exitInput)
	}
	if !a.JSON() {
		terminal.Fprintf(a.Err, "no mistakes in %s\n", output.Count(files, "scenario"))
	}
	return nil
}

func (a *app) scenarioVerbsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "verbs", Short: "Print the reference of the scenario language", Args: cobra.NoArgs,
		Example: "  demarc scenario verbs | less",
		RunE:    func(*cobra.Command, []string) error { return script.Document(a.Out) },
	}
}

func (a *app) scenarioNewCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "new [FILE]",
		Short: "Write a scenario to begin with",
		Example: `  demarc scenario new outage.txtar
  demarc scenario new | less`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := a.Out.Write(script.Starter())
				return err
			}
			return a.newScenario(args[0])
		},
	}
}

// newScenario writes the starter to a file that must not exist.
func (a *app) newScenario(path string) error {
	if !strings.HasSuffix(path, scenarios.Extension) {
		path += scenarios.Extension
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &engine.InputError{Message: path + " exists", Hint: "choose another name, or remove it"}
	}
	if err != nil {
		return badInput(err)
	}
	_, err = f.Write(script.Starter())
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the scenario: %w", err)
	}
	terminal.Fprintf(a.Err, "wrote %s; check it with: demarc scenario lint %s; play it with: demarc drill %s\n", path, path, path)
	return nil
}
