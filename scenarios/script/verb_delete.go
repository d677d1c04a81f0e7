package script

import (
	"context"
	"errors"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

var verbDelete = Verb{
	Name:    "delete",
	Summary: "deletes an object, or the objects of a section",
	Doc:     "What belongs to the objects is deleted in the background; pods end gracefully. It is an error if an object is not there.",
	Example: "delete deployment/shop",
	Args: []Arg{{
		Name: "what", Type: ArgText, Positional: true, Required: true,
		Doc: "KIND/[NAMESPACE/]NAME, or the name of a section",
	}},
	check: func(p *parser, c *call) {
		w := c.args["what"]
		if strings.Contains(w.text, "/") {
			p.setObject(c, w.text, w.col)
			return
		}
		if c.section = p.section(w); c.section != nil {
			p.readManifest(c.section, needWhole, schema.GroupVersionKind{})
		}
	},
	run: func(ctx context.Context, a action) error {
		if a.section == nil {
			namespace, name := splitObject(a.text("what"))
			return a.delete(ctx, a.gvk, namespace, name)
		}
		var errs []error
		for _, d := range a.section.docs {
			obj := a.object(d)
			errs = append(errs, a.delete(ctx, d.gvk, obj.GetNamespace(), obj.GetName()))
		}
		return errors.Join(errs...)
	},
}

func (a action) delete(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string) error {
	return a.change(ctx, gvk, namespace, name, "deleted", func(res dynamic.ResourceInterface) error {
		return res.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)})
	})
}
