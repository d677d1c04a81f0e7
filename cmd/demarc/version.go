package main

import (
	"fmt"
	"runtime"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func versionCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print demarc's version", Args: cobra.NoArgs,
		Example: "  demarc version -o json",
		RunE: func(*cobra.Command, []string) error {
			about := map[string]string{"version": api.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return output.Print(env.Printer, about, output.Sentence(func(x map[string]string) string {
				return fmt.Sprintf("demarc %s (%s, %s)", x["version"], x["go"], x["platform"])
			}))
		},
	}
}
