package script

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"demarc/sim/api"
	"demarc/sim/timeline"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// action is a call that is carried out in a run.
type action struct {
	*run
	*call
	node string // full name of the node that an ArgNode names
}

// do carries out a call.
func (r *run) do(ctx context.Context, c *call) error {
	a := action{run: r, call: c}
	for _, arg := range c.verb.Args {
		if arg.Type != ArgNode {
			continue
		}
		var ok bool
		ref := strings.TrimPrefix(c.text(arg.Name), "node/")
		if a.node, ok = r.world.NodeName(ref); !ok {
			return fmt.Errorf("there is no node %s", ref)
		}
	}
	err := c.verb.run(ctx, a)
	if err != nil && c.verb.title != nil {
		return fmt.Errorf("%s: %w", c.verb.title(a), err)
	}
	return err
}

// Titles of errors: the verb, and what it is about.
func byAction(a action) string { return strings.TrimSpace(a.verb.Name + " " + a.text("action")) }
func byName(a action) string   { return a.verb.Name + " " + a.text("name") }
func byNode(a action) string   { return byAction(a) + " node/" + a.node }

// customer asks the management API on the customer's behalf, and by on that of whom
// the call names.
func (a action) customer() *api.Actions { return a.world.As(api.RoleCustomer) }
func (a action) by() *api.Actions       { return a.world.As(api.Role(a.text("by"))) }

// only is the error of a request whose answer nobody needs.
func only[T any](_ T, err error) error { return err }

// change does something to an object of the API server and puts it on the timeline.
func (a action) change(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string, done timeline.Verb, do func(dynamic.ResourceInterface) error) error {
	res, err := a.kube.resource(ctx, gvk, namespace)
	if err == nil {
		err = do(res)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", a.verb.Name, subject(gvk, namespace, name), err)
	}
	a.record(done, subject(gvk, namespace, name))
	return nil
}

// patch sends a merge patch for the object that the call names, or for a subresource
// of it. The name of a node may be its index or suffix.
func (a action) patch(ctx context.Context, done timeline.Verb, patch any, subresources ...string) error {
	namespace, name := splitObject(a.text("object"))
	if a.gvk.Kind == nodeKind.Kind {
		if node, ok := a.world.NodeName(name); ok {
			name = node
		}
	}
	return a.merge(ctx, a.gvk, namespace, name, done, patch, subresources...)
}

func (a action) merge(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string, done timeline.Verb, patch any, subresources ...string) error {
	raw, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encode the patch: %w", err)
	}
	return a.change(ctx, gvk, namespace, name, done, func(res dynamic.ResourceInterface) error {
		return only(res.Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: fieldManager}, subresources...))
	})
}

// nest wraps a value in maps, the outermost key first.
func nest(value any, keys ...string) any {
	for i := len(keys) - 1; i >= 0; i-- {
		value = map[string]any{keys[i]: value}
	}
	return value
}
