package main

import (
	"demarc/cmd/demarc/aks"
	"demarc/cmd/demarc/cluster"
	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/contract"
	"demarc/cmd/demarc/drill"
	"demarc/cmd/demarc/image"
	"demarc/cmd/demarc/node"
	"demarc/cmd/demarc/provider"

	"github.com/spf13/cobra"
)

// root is the command with all its groups. Each is a folder of this one.
func root(env *command.Env) *cobra.Command {
	c := command.Root(env, cluster.Commands, node.Commands, aks.Commands, provider.Commands, contract.Commands, drill.Commands, image.Commands)
	c.AddCommand(versionCmd(env))
	c.Long += listTopics()
	c.SetHelpCommand(helpCmd(env, c))
	return c
}
