package drill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/scenarios"
	"demarc/scenarios/script"
	"demarc/scenarios/script/parse"
	"demarc/scenarios/script/reference"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func scenarioCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "scenario",
		Short: "Write scenarios and check them",
		Example: `  demarc scenario new outage.txtar
  demarc scenario lint outage.txtar
  demarc drill outage.txtar`,
	}, scenarioLintCmd(env), scenarioVerbsCmd(env), scenarioNewCmd(env))
}

func scenarioLintCmd(env *command.Env) *cobra.Command {
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
					return command.BadInput(err)
				}
				_, found := parse.Parse(s.File, s.Text)
				problems = append(problems, found...)
			}
			return command.Problems(env, problems, len(args), "scenario")
		},
	}
}

func scenarioVerbsCmd(env *command.Env) *cobra.Command {
	return output.WithFormats(&cobra.Command{
		Use: "verbs", Short: "Print the reference of the scenario language", Args: cobra.NoArgs,
		Example: "  demarc scenario verbs | less",
		RunE:    func(*cobra.Command, []string) error { return reference.Write(env.Out) },
	}, "text")
}

func scenarioNewCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "new [FILE]",
		Short: "Write a scenario to begin with",
		Example: `  demarc scenario new outage.txtar
  demarc scenario new | less`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := env.Out.Write(script.Starter())
				return err
			}
			return newScenario(env, args[0])
		},
	}
}

// newScenario writes the starter to a file that must not exist.
func newScenario(env *command.Env, path string) error {
	if !strings.HasSuffix(path, scenarios.Extension) {
		path += scenarios.Extension
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &engine.InputError{Message: path + " exists", Hint: "choose another name, or remove it"}
	}
	if err != nil {
		return command.BadInput(err)
	}
	_, err = f.Write(script.Starter())
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the scenario: %w", err)
	}
	terminal.Fprintf(env.Err, "wrote %s; check it with: demarc scenario lint %s; play it with: demarc drill %s\n", path, path, path)
	return nil
}
