package script

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

var verbDelete = Verb{
	Name:    "delete",
	Summary: "deletes an object, or the objects of a section",
	Doc:     "What belongs to the objects is deleted in the background; pods end gracefully. It is an error if an object is not there.",
	Example: "delete deployment/shop",
	Args: []Arg{{
		Name: "what", Type: ArgText, Positional: true, Required: true,
		Doc: "KIND/[NAMESPACE/]NAME, or the name of a section",
	}, {
		Name: "force", Type: ArgEnum, Values: []string{"true", "false"}, Default: "false",
		Doc: "take a pod away at once, whether or not its node has ended it, as kubectl delete --force does",
	}},
	Check: func(k Checker, c *Call) {
		w := c.Args["what"]
		if strings.Contains(w.Text, "/") {
			k.Object(c, w.Text, w.Col)
			return
		}
		if c.Section = k.Section(w); c.Section != nil {
			k.Manifest(c.Section, NeedWhole, schema.GroupVersionKind{})
		}
	},
}
