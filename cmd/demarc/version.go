package main

import (
	"runtime"

	"demarc/sim/api"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print demarc's version", Args: cobra.NoArgs,
		Example: "  demarc version -o json",
		RunE: func(*cobra.Command, []string) error {
			if a.JSON() {
				return a.Value(map[string]string{"version": api.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			_, err := terminal.Fprintf(a.Out, "demarc %s (%s, %s/%s)\n", api.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
