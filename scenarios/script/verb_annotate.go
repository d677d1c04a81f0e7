package script

import "context"

var verbAnnotate = Verb{
	Name:    "annotate",
	Summary: "sets annotations of an object, or takes them away",
	Example: "annotate deployment/shop owner=sales",
	Args:    []Arg{objectArg, pairsArg},
	run: func(ctx context.Context, r *run, c *call) error {
		return r.patch(ctx, c, "annotated", nest(pairMap(c.pairs), "metadata", "annotations"))
	},
}
