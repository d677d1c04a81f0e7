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
	run: func(ctx context.Context, r *run, c *call) error {
		return r.patch(ctx, c, "labelled", nest(pairMap(c.pairs), "metadata", "labels"))
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
