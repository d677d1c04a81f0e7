package script

import "context"

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
	check: func(p *parser, c *call) {
		if docs := p.readManifest(c.section, needPatch, c.gvk); len(docs) > 1 {
			p.problem(c.cols["section"], "", "a patch is one document; %s has %d", c.section.name, len(docs))
		}
	},
	run: func(ctx context.Context, a action) error {
		return a.patch(ctx, "patched", replaceNodesIn(a.section.docs[0].object, a.world.NodeName))
	},
}
