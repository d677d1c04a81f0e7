package script

import "context"

var verbUncordon = Verb{
	Name:    "uncordon",
	Summary: "lets new pods onto a node again",
	Example: "uncordon node/0",
	Args:    []Arg{nodeArg},
	run: func(ctx context.Context, r *run, c *call) error {
		return r.cordon(ctx, c, false)
	},
}
