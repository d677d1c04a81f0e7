package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/kinds"
	"demarc/sim/timeline"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// fieldManager is the name under which scripts write to the API server.
const fieldManager = "demarc"

func (a action) apply(ctx context.Context) error {
	for _, d := range a.Section.Docs {
		obj := a.object(d)
		err := a.change(ctx, d.GVK, obj.GetNamespace(), obj.GetName(), "applied", func(res dynamic.ResourceInterface) error {
			return only(res.Apply(ctx, obj.GetName(), obj, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// object is a document as an object that can be sent.
func (a action) object(d script.Document) *unstructured.Unstructured {
	content := script.ReplaceNodesIn(d.Object, a.world.NodeName).(map[string]any)
	obj := &unstructured.Unstructured{Object: content}
	if obj.GetNamespace() == "" && kinds.Namespaced(d.GVK) {
		obj.SetNamespace(metav1.NamespaceDefault)
	}
	return obj
}

func (a action) delete(ctx context.Context) error {
	if a.Section == nil {
		namespace, name := a.named("what")
		return a.deleteObject(ctx, a.GVK, namespace, name)
	}
	var errs []error
	for _, d := range a.Section.Docs {
		obj := a.object(d)
		errs = append(errs, a.deleteObject(ctx, d.GVK, obj.GetNamespace(), obj.GetName()))
	}
	return errors.Join(errs...)
}

func (a action) deleteObject(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string) error {
	return a.change(ctx, gvk, namespace, name, "deleted", func(res dynamic.ResourceInterface) error {
		o := metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}
		if a.Text("force") == "true" {
			o.GracePeriodSeconds = new(int64(0))
		}
		return res.Delete(ctx, name, o)
	})
}

func (a action) scale(ctx context.Context) error {
	n, err := strconv.Atoi(a.Text("replicas"))
	if err != nil {
		return fmt.Errorf("replicas: %w", err)
	}
	return a.mergeNamed(ctx, "scaled", nest(n, "spec", "replicas"), "scale")
}

func (a action) patch(ctx context.Context) error {
	return a.mergeNamed(ctx, "patched", script.ReplaceNodesIn(a.Section.Docs[0].Object, a.world.NodeName))
}

func (a action) restart(ctx context.Context) error {
	now := time.Now().UTC().Format(time.RFC3339)
	return a.mergeNamed(ctx, "restarted", nest(now, "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"))
}

func (a action) label(ctx context.Context) error {
	return a.mergeNamed(ctx, "labelled", nest(pairMap(a.Pairs), "metadata", "labels"))
}

func (a action) annotate(ctx context.Context) error {
	return a.mergeNamed(ctx, "annotated", nest(pairMap(a.Pairs), "metadata", "annotations"))
}

// pairMap makes a patch of KEY=VALUE and KEY-.
func pairMap(pairs []script.Word) map[string]any {
	m := map[string]any{}
	for _, w := range pairs {
		if key, value, ok := w.Split(); ok {
			m[key] = value
			continue
		}
		m[strings.TrimSuffix(w.Text, "-")] = nil
	}
	return m
}

// change does something to an object of the API server and puts it on the timeline.
func (a action) change(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string, done timeline.Verb, do func(dynamic.ResourceInterface) error) error {
	res, err := a.kube.resource(ctx, gvk, namespace)
	if err == nil {
		err = do(res)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", a.Verb.Name, subject(gvk, namespace, name), err)
	}
	a.record(done, subject(gvk, namespace, name))
	return nil
}

// mergeNamed sends a merge patch for the object that the call names, or for a
// subresource of it.
func (a action) mergeNamed(ctx context.Context, done timeline.Verb, patch any, subresources ...string) error {
	namespace, name := a.named("object")
	return a.merge(ctx, a.GVK, namespace, name, done, patch, subresources...)
}

// named is the namespace and the name of the object that an argument names. A node's may
// be its index or suffix.
func (a action) named(arg string) (namespace, name string) {
	namespace, name = splitObject(a.Text(arg))
	if a.GVK.Kind == nodeKind.Kind {
		if node, ok := a.world.NodeName(name); ok {
			name = node
		}
	}
	return namespace, name
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

// splitObject cuts KIND/[NAMESPACE/]NAME that was checked before.
func splitObject(v string) (namespace, name string) {
	parts := strings.Split(v, "/")
	if len(parts) == 3 {
		return parts[1], parts[2]
	}
	return metav1.NamespaceDefault, parts[1]
}
