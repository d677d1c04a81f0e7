package command

import (
	"errors"
	"fmt"
	"strings"

	"demarc/sim/policy"

	"github.com/spf13/cobra"
)

// BothEditions is what --edition takes for all of them, side by side.
const BothEditions = "both"

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
	switch edition {
	case "":
		return nil
	case BothEditions:
		return BadInput(errors.New("--edition both: only a report is by both side by side (demarc report, demarc drill --html); name one of them"))
	}
	if _, err := policy.Lookup(edition); err != nil {
		return BadInput(fmt.Errorf("--edition: %w", err))
	}
	return nil
}

// EditionsFlag is [EditionFlag] with both for all of them.
func EditionsFlag(c *cobra.Command, edition *string, usage string) {
	words := []string{BothEditions}
	for _, e := range policy.Editions() {
		words = append(words, e.ID)
	}
	c.Flags().StringVar(edition, "edition", "", "edition of the support policy"+usage+": "+strings.Join(words[1:], ", ")+", or both side by side")
	CompleteFlag(c, "edition", Words(words...))
}

// EditionIDs are the editions that --edition means: all of them, or the one that it names.
func EditionIDs(edition string) (ids []string) {
	if edition != BothEditions {
		return []string{edition}
	}
	for _, e := range policy.Editions() {
		ids = append(ids, e.ID)
	}
	return ids
}

// CheckEditions is [CheckEdition] for what takes both.
func CheckEditions(edition string) error {
	if edition == BothEditions {
		return nil
	}
	return CheckEdition(edition)
}
