// Package node has the commands for what is on and around worker nodes: to log in, to let
// support log in, to see what was repaired, patched and is vulnerable, and to change the
// VMs past AKS. What they do is in demarc/nodes and in the engine.
package node

import (
	"demarc/cmd/demarc/command"

	"github.com/spf13/cobra"
)

// Commands are the commands of this group.
func Commands(env *command.Env) []*cobra.Command {
	return []*cobra.Command{sshCmd(env), consentCmd(env), escalateCmd(env), repairsCmd(env), patchCmd(env), cveCmd(env), iaasCmd(env)}
}
