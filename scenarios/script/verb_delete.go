package script

import (
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	run: func(ctx context.Context, r *run, c *call) error {
		if c.section == nil {
			namespace, name := splitObject(c.text("what"))
			return r.delete(ctx, c.gvk, namespace, name)
		}
		var errs []error
		for _, d := range c.section.docs {
			obj := r.object(d)
			errs = append(errs, r.delete(ctx, d.gvk, obj.GetNamespace(), obj.GetName()))
		}
		return errors.Join(errs...)
	},
}

func (r *run) delete(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string) error {
	background := metav1.DeletePropagationBackground
	res, err := r.kube.resource(ctx, gvk, namespace)
	if err == nil {
		err = res.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &background})
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", subject(gvk, namespace, name), err)
	}
	r.record("deleted", subject(gvk, namespace, name))
	return nil
}
