// Package contract has the commands about the support contract: its editions, what
// happened and whose that is by them, and the provider's support desk.
package contract

import (
	"demarc/cmd/demarc/command"

	"github.com/spf13/cobra"
)

// Commands are the commands of this group.
func Commands(env *command.Env) []*cobra.Command {
	return []*cobra.Command{incidentsCmd(env), supportCmd(env), explainCmd(env), policyCmd(env), reportCmd(env)}
}
