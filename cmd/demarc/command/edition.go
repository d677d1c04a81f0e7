package command

import (
	"fmt"
	"strings"

	"demarc/sim/policy"

	"github.com/spf13/cobra"
)

// EditionFlag adds the flag --edition, in place of the edition that something has.
func EditionFlag(c *cobra.Command, edition *string, usage string) {
	var ids []string
	for _, e := range policy.Editions() {
		ids = append(ids, e.ID)
	}
	c.Flags().StringVar(edition, "edition", "", "edition of the support policy"+usage+": "+strings.Join(ids, ", "))
	CompleteFlag(c, "edition", Words(ids...))
}

// JudgedBy is the usage of --edition of commands that judge.
const JudgedBy = " to judge by, in place of the cluster's"

// CheckEdition says which editions there are if it is none of them. None given is right.
func CheckEdition(edition string) error {
	if edition == "" {
		return nil
	}
	if _, err := policy.Lookup(edition); err != nil {
		return BadInput(fmt.Errorf("--edition: %w", err))
	}
	return nil
}
