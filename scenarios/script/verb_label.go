package script

var objectArg = Arg{Name: "object", Type: ArgObject, Positional: true, Required: true, Doc: "the object; a node by its index or name"}

var pairsArg = Arg{Name: "KEY=VALUE", Type: ArgPairs, Positional: true, Required: true, Doc: "what to set; KEY- takes one away"}

var verbLabel = Verb{
	Name:    "label",
	Summary: "sets labels of an object, or takes them away",
	Example: "label node/0 disk=ssd old-",
	Args:    []Arg{objectArg, pairsArg},
}

var verbAnnotate = Verb{
	Name:    "annotate",
	Summary: "sets annotations of an object, or takes them away",
	Doc:     "Those of demarc help annotations are for pods.",
	Example: "annotate deployment/shop owner=sales",
	Args:    []Arg{objectArg, pairsArg},
	Check: func(k Checker, c *Call) {
		for _, w := range c.Pairs {
			if key, value, ok := w.Split(); ok {
				k.Annotation(key, value, c.GVK.Kind == "Pod", w.Col)
			}
		}
	},
}
