package script

import "k8s.io/apimachinery/pkg/runtime/schema"

var verbApply = Verb{
	Name:    "apply",
	Summary: "creates or changes the objects of a section",
	Doc: "Server-side apply, as the customer's administrator, in the order of the section. " +
		"Objects without a namespace go to default.",
	Example: "apply shop.yaml",
	Args:    []Arg{{Name: "section", Type: ArgSection, Positional: true, Required: true, Doc: "Kubernetes YAML, one or more documents"}},
	Check: func(k Checker, c *Call) {
		k.Manifest(c.Section, NeedWhole, schema.GroupVersionKind{})
	},
}
