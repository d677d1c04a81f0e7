package run

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"
	"demarc/scenarios/script/kinds"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// wanted is one document of an expectation, taken apart.
type wanted struct {
	gvk             schema.GroupVersionKind
	namespace, name string // namespace is empty for all, or none
	labels          map[string]any
	object          map[string]any // what to match, without apiVersion and kind
}

func newWanted(d script.Document, nodeName func(string) (string, bool)) wanted {
	object := maps.Clone(script.ReplaceNodesIn(d.Object, nodeName).(map[string]any))
	delete(object, "apiVersion")
	delete(object, "kind")
	w := wanted{gvk: d.GVK, object: object}
	metadata, _ := object["metadata"].(map[string]any)
	w.name, _ = metadata["name"].(string)
	w.namespace, _ = metadata["namespace"].(string)
	w.labels, _ = metadata["labels"].(map[string]any)
	if w.namespace == "" && kinds.Namespaced(d.GVK) {
		w.namespace = metav1.NamespaceDefault
	}
	return w
}

// subject names what is wanted: Deployment default/shop.
func (w wanted) subject() string {
	s := w.gvk.Kind
	if w.name != "" {
		return s + " " + strings.TrimPrefix(w.namespace+"/"+w.name, "/")
	}
	if w.namespace != "" {
		s += " in " + w.namespace
	}
	if len(w.labels) > 0 {
		s += " with the labels " + script.Compact(w.labels)
	}
	return s
}

// nearest finds the object that comes nearest to what is wanted, with what is
// different about it; nil if there is none to compare.
func (w wanted) nearest(objects []*unstructured.Unstructured) (*unstructured.Unstructured, []difference) {
	var best *unstructured.Unstructured
	var fewest []difference
	for _, obj := range objects {
		if !w.isCandidate(obj) {
			continue
		}
		diffs := match(w.object, obj.Object, "")
		if best == nil || len(diffs) < len(fewest) {
			best, fewest = obj, diffs
		}
		if len(diffs) == 0 {
			break
		}
	}
	return best, fewest
}

// isCandidate says whether an object can be the one that is meant.
func (w wanted) isCandidate(obj *unstructured.Unstructured) bool {
	if w.name != "" && obj.GetName() != w.name || w.namespace != "" && obj.GetNamespace() != w.namespace {
		return false
	}
	labels := obj.GetLabels()
	for k, v := range w.labels {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// objects is an expectation of objects in a run.
type objects struct {
	wanted []wanted
	absent bool
}

func (b objects) Needs() check.Needs {
	var n check.Needs
	for _, w := range b.wanted {
		if !slices.Contains(n.Kinds, w.gvk) {
			n.Kinds = append(n.Kinds, w.gvk)
		}
	}
	return n
}

func (b objects) Eval(v *check.View) check.Outcome {
	var found []string
	for _, w := range b.wanted {
		objects, err := v.Objects(w.gvk)
		if err != nil {
			return check.Failed(check.Unreachable(err))
		}
		obj, diffs := w.nearest(objects)
		matches := obj != nil && len(diffs) == 0
		switch {
		case b.absent && matches:
			return check.Outcome{Explain: func() string { return objectName(obj) + " is there:\n" + objectText(w, obj) }}
		case !b.absent && !matches:
			return check.Outcome{Explain: func() string { return w.explain(objects, obj, diffs) }}
		case matches:
			found = append(found, objectName(obj))
		}
	}
	return check.Outcome{OK: true, Explain: func() string {
		if b.absent {
			return "there is none"
		}
		return strings.Join(found, ", ") + " as expected"
	}}
}

// explain says why nothing matches.
func (w wanted) explain(objects []*unstructured.Unstructured, obj *unstructured.Unstructured, diffs []difference) string {
	if obj == nil {
		return "no " + w.subject() + w.others(objects)
	}
	lines := []string{"nearest: " + objectName(obj)}
	for i, d := range diffs {
		if i == 8 {
			lines = append(lines, fmt.Sprintf("  … and %d more differences", len(diffs)-i))
			break
		}
		lines = append(lines, "  "+d.String())
	}
	return strings.Join(lines, "\n")
}

// others names objects of the kind that are there instead.
func (w wanted) others(objects []*unstructured.Unstructured) string {
	var names []string
	for _, obj := range objects {
		if w.namespace == "" || obj.GetNamespace() == w.namespace {
			names = append(names, obj.GetName())
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return ": there is no " + w.gvk.Kind + " at all"
	}
	more := ""
	if len(names) > 5 {
		more = fmt.Sprintf(" and %d more", len(names)-5)
		names = names[:5]
	}
	return "; there is " + strings.Join(names, ", ") + more
}

// objectText shows the wanted fields of an object as they are.
func objectText(w wanted, obj *unstructured.Unstructured) string {
	shown := map[string]any{}
	for key := range w.object {
		if key != "metadata" {
			shown[key] = obj.Object[key]
		}
	}
	if len(shown) == 0 {
		return "  created " + obj.GetCreationTimestamp().UTC().Format("2006-01-02T15:04:05Z")
	}
	return "  " + script.Compact(shown)
}

func objectName(obj *unstructured.Unstructured) string {
	return obj.GetKind() + " " + strings.TrimPrefix(obj.GetNamespace()+"/"+obj.GetName(), "/")
}

// subject is an object's name as the timeline has it: deployment/default/shop.
func subject(gvk schema.GroupVersionKind, namespace, name string) string {
	s := strings.ToLower(gvk.Kind) + "/"
	if kinds.Namespaced(gvk) {
		s += namespace + "/"
	}
	return s + name
}
