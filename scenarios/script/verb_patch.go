package script

import (
	"context"
	"encoding/json"
	"fmt"

	"demarc/sim/timeline"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

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
	run: func(ctx context.Context, r *run, c *call) error {
		return r.patch(ctx, c, "patched", replaceNodesIn(c.section.docs[0].object, r.world.NodeName))
	},
}

// patch sends a merge patch for the object that a call names.
func (r *run) patch(ctx context.Context, c *call, done timeline.Verb, patch any) error {
	namespace, name := splitObject(c.text("object"))
	if node, ok := r.nodeName(c.gvk.Kind, name); ok {
		name = node
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encode the patch: %w", err)
	}
	res, err := r.kube.resource(ctx, c.gvk, namespace)
	if err == nil {
		_, err = res.Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: fieldManager})
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.verb.Name, subject(c.gvk, namespace, name), err)
	}
	r.record(done, subject(c.gvk, namespace, name))
	return nil
}

// nodeName resolves a node's index or suffix.
func (r *run) nodeName(kind, ref string) (string, bool) {
	if kind != "Node" {
		return "", false
	}
	return r.world.NodeName(ref)
}
