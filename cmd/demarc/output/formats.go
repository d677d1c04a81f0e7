package output

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// formatsKey is the annotation of commands that have other formats than most.
const formatsKey = "formats"

// formats are what -o takes with a command; the first is the default.
func formats(c *cobra.Command) []string {
	if own := c.Annotations[formatsKey]; own != "" {
		return strings.Fields(own)
	}
	return []string{"text", "json"}
}

// WithFormats says what -o takes with a command.
func WithFormats(c *cobra.Command, list ...string) *cobra.Command {
	c.Annotations = map[string]string{formatsKey: strings.Join(list, " ")}
	return c
}

// CheckFormat says what -o takes with a command if the output is none of it.
func CheckFormat(c *cobra.Command, output string) error {
	list := formats(c)
	if slices.Contains(list, output) {
		return nil
	}
	want := list[0]
	if last := len(list) - 1; last > 0 {
		want = strings.Join(list[:last], ", ") + " or " + list[last]
	}
	return fmt.Errorf("--output %s: want %s%s", output, want, DidYouMean(output, list))
}

// CompleteFormat completes what -o takes with a command.
func CompleteFormat(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return formats(c), cobra.ShellCompDirectiveNoFileComp
}
