package script

import (
	"context"

	"demarc/sim/timeline"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

var nodeKind = schema.GroupVersionKind{Version: "v1", Kind: "Node"}

var nodeArg = Arg{Name: "node", Type: ArgNode, Positional: true, Required: true, Doc: "a node by its index from 0, its vmss suffix or its full name"}

var verbCordon = Verb{
	Name:    "cordon",
	Summary: "lets no new pods onto a node",
	Example: "cordon node/0",
	Args:    []Arg{nodeArg},
	run:     func(ctx context.Context, a action) error { return a.cordon(ctx, "cordoned", true) },
}

var verbUncordon = Verb{
	Name:    "uncordon",
	Summary: "lets new pods onto a node again",
	Example: "uncordon node/0",
	Args:    []Arg{nodeArg},
	run:     func(ctx context.Context, a action) error { return a.cordon(ctx, "uncordoned", nil) },
}

// cordon sets whether a node takes new pods.
func (a action) cordon(ctx context.Context, done timeline.Verb, unschedulable any) error {
	return a.merge(ctx, nodeKind, "", a.node, done, nest(unschedulable, "spec", "unschedulable"))
}
