package script

import (
	"context"
	"strings"
)

var objectArg = Arg{Name: "object", Type: ArgObject, Positional: true, Required: true, Doc: "the object; a node by its index or name"}

var pairsArg = Arg{Name: "KEY=VALUE", Type: ArgPairs, Positional: true, Required: true, Doc: "what to set; KEY- takes one away"}

var verbLabel = Verb{
	Name:    "label",
	Summary: "sets labels of an object, or takes them away",
	Example: "label node/0 disk=ssd old-",
	Args:    []Arg{objectArg, pairsArg},
	run: func(ctx context.Context, a action) error {
		return a.patch(ctx, "labelled", nest(pairMap(a.pairs), "metadata", "labels"))
	},
}

var verbAnnotate = Verb{
	Name:    "annotate",
	Summary: "sets annotations of an object, or takes them away",
	Example: "annotate deployment/shop owner=sales",
	Args:    []Arg{objectArg, pairsArg},
	run: func(ctx context.Context, a action) error {
		return a.patch(ctx, "annotated", nest(pairMap(a.pairs), "metadata", "annotations"))
	},
}

// pairMap makes a patch of KEY=VALUE and KEY-.
func pairMap(pairs []word) map[string]any {
	m := map[string]any{}
	for _, w := range pairs {
		if key, value, ok := w.split(); ok {
			m[key] = value
			continue
		}
		m[strings.TrimSuffix(w.text, "-")] = nil
	}
	return m
}
