package script

var verbPatch = Verb{
	Name:    "patch",
	Summary: "changes an object by a merge patch",
	Doc: "The section holds the fields to change; null takes a field away, and lists are replaced as a whole " +
		"(JSON merge patch, RFC 7396).",
	Example: "patch deployment/shop new-image.yaml",
	Args: []Arg{
		{Name: "object", Type: ArgObject, Positional: true, Required: true, Doc: "the object to change"},
		{Name: "section", Type: ArgSection, Positional: true, Required: true, Doc: "the patch, as YAML"},
	},
	Check: func(k Checker, c *Call) {
		if docs := k.Manifest(c.Section, NeedPatch, c.GVK); len(docs) > 1 {
			k.Problem(c.Cols["section"], "", "a patch is one document; %s has %d", c.Section.Name, len(docs))
		}
	},
}
