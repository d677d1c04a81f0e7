package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

// about is what this program is. Tree is set where the build has left out the commit, as go
// run does: the commit is that of the sources there, as they are now.
type about struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Changed  bool   `json:"changed"`
	Tree     string `json:"tree,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func versionCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print demarc's version, and the commit that it was built from", Args: cobra.NoArgs,
		Long: `Version prints demarc's version and the commit that it was built from. If the build has
left that out, as go run does, it is the commit of the source tree, as that is now.`,
		Example: "  demarc version -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			x := about{Version: api.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if x.Commit, x.Changed = api.Commit(); x.Commit == "" {
				x.ofTree(c.Context(), engine.SourceTree())
			}
			return output.Print(env.Printer, x, output.Sentence(about.String))
		},
	}
}

// ofTree asks git for the commit of a source tree, if there is one.
func (x *about) ofTree(ctx context.Context, tree string) {
	if tree == "" {
		return
	}
	commit, err := exec.CommandContext(ctx, "git", "-C", tree, "rev-parse", "HEAD").Output()
	if err != nil {
		return // the sources are of no commit, or there is no git
	}
	changes, err := exec.CommandContext(ctx, "git", "-C", tree, "status", "--porcelain").Output()
	x.Tree, x.Commit, x.Changed = tree, strings.TrimSpace(string(commit)), err != nil || len(changes) > 0
}

// String is the version in one line.
func (x about) String() string {
	commit := "commit unknown"
	if x.Commit != "" {
		commit = "commit " + x.Commit[:min(len(x.Commit), 12)]
	}
	if x.Changed {
		commit += " with changes"
	}
	if x.Tree != "" {
		commit += ", which " + x.Tree + " has now"
	}
	return fmt.Sprintf("demarc %s (%s; %s, %s)", x.Version, commit, x.Go, x.Platform)
}
