// Package cluster has the commands for a cluster as a whole: to start and stop it, to see
// how it is and what happened, to set its clock, and to reach its API server. The cluster
// itself runs in an engine (demarc/sim/engine).
package cluster

import (
	"demarc/cmd/demarc/command"

	"github.com/spf13/cobra"
)

// Commands are the commands of this group.
func Commands(env *command.Env) []*cobra.Command {
	return []*cobra.Command{
		upCmd(env), downCmd(env), listCmd(env), statusCmd(env), clockCmd(env), timelineCmd(env), kubeconfigCmd(env), kubectlCmd(env), execCmd(env),
	}
}
