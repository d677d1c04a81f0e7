package script

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// fieldManager is the name under which scripts write to the API server.
const fieldManager = "demarc"

var verbApply = Verb{
	Name:    "apply",
	Summary: "creates or changes the objects of a section",
	Doc: "Server-side apply, as the customer's administrator, in the order of the section. " +
		"Objects without a namespace go to default.",
	Example: "apply shop.yaml",
	Args:    []Arg{{Name: "section", Type: ArgSection, Positional: true, Required: true, Doc: "Kubernetes YAML, one or more documents"}},
	check: func(p *parser, c *call) {
		p.readManifest(c.section, needWhole, schema.GroupVersionKind{})
	},
	run: func(ctx context.Context, a action) error {
		for _, d := range a.section.docs {
			obj := a.object(d)
			err := a.change(ctx, d.gvk, obj.GetNamespace(), obj.GetName(), "applied", func(res dynamic.ResourceInterface) error {
				return only(res.Apply(ctx, obj.GetName(), obj, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}))
			})
			if err != nil {
				return err
			}
		}
		return nil
	},
}

// object is a document as an object that can be sent.
func (r *run) object(d document) *unstructured.Unstructured {
	content := replaceNodesIn(d.object, r.world.NodeName).(map[string]any)
	obj := &unstructured.Unstructured{Object: content}
	if obj.GetNamespace() == "" && namespaced(d.gvk) {
		obj.SetNamespace(metav1.NamespaceDefault)
	}
	return obj
}
