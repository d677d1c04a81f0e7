package command

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

// nodeNames are the full names of the nodes, in the order of their indices.
func nodeNames(ctx context.Context, c *api.Client) (names []string, _ error) {
	s, err := c.Status(ctx)
	for _, m := range s.Machines {
		names = append(names, m.Name)
	}
	return names, err
}

// ResolveNode finds the full name of a node by its index, its vmss suffix or its name.
func ResolveNode(ctx context.Context, c *api.Client, ref string) (string, error) {
	names, err := nodeNames(ctx, c)
	if err != nil {
		return "", err
	}
	var suffixes []string
	for i, n := range names {
		if ref == n || ref == strconv.Itoa(i) || ref == vmssSuffix(n) {
			return n, nil
		}
		suffixes = append(suffixes, vmssSuffix(n))
	}
	if len(names) == 0 {
		return "", &engine.InputError{Message: fmt.Sprintf("there is no node %s", ref), Hint: "there is none yet"}
	}
	return "", &engine.InputError{
		Message: fmt.Sprintf("there is no node %s%s", ref, output.DidYouMean(ref, slices.Concat(names, suffixes))),
		Hint:    fmt.Sprintf("there is %s, also by its index from 0 or its vmss suffix", someOf(names)),
	}
}

// shownNodes is how many names are listed where all would be too many.
const shownNodes = 10

// someOf lists names.
func someOf(names []string) string {
	if more := len(names) - shownNodes; more > 0 {
		return strings.Join(names[:shownNodes], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// vmssSuffix is the short name of a node, such as vmss000000.
func vmssSuffix(node string) string { return node[strings.LastIndexByte(node, '-')+1:] }

// Nodes completes the vmss suffixes of nodes.
func Nodes(e *Env) cobra.CompletionFunc {
	return ListCompletion(e, nodeNames, func(n string) string { return vmssSuffix(n) + "\t" + n })
}
