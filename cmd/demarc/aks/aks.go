// Package aks has the commands with which a customer changes the managed cluster, its node
// pools and its subscription's previews, as az aks does.
package aks

import (
	"demarc/cmd/demarc/command"

	"github.com/spf13/cobra"
)

// Commands are the commands of this group.
func Commands(env *command.Env) []*cobra.Command {
	return []*cobra.Command{aksCmd(env), nodepoolCmd(env), featureCmd(env)}
}

func aksCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:     "aks",
		Short:   "Change the managed cluster, as az aks does",
		Example: "  demarc aks update --feature-gates ContainerStopSignals=false\n  demarc aks upgrade --kubernetes-version 1.37",
	}, showCmd(env), updateCmd(env), appRoutingCmd(env), upgradeCmd(env), getUpgradesCmd(env), maintenanceCmd(env), stopCmd(env), startCmd(env))
}
