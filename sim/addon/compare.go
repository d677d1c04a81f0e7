package addon

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
)

// restartedAt is what kubectl rollout restart writes into a pod template. Who
// restarts an add-on's pods edits nothing: AKS tells customers to do it after a
// change of coredns-custom.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// path is where a field is. An item of a list is [NAME] or [INDEX].
type path []string

func (p path) String() string {
	return strings.ReplaceAll(strings.Join(p, "."), ".[", "[")
}

// texts writes paths as people do.
func texts(paths []path) []string {
	var list []string
	for _, p := range paths {
		list = append(list, p.String())
	}
	return list
}

// changes are the paths in which an object differs from what was accepted, as
// far as they are ours.
func (o *object) changes(accepted, live *unstructured.Unstructured) []path {
	return o.compare(accepted, live, false)
}

// lacks are the paths of what the manifest says and an object does not.
func (o *object) lacks(live *unstructured.Unstructured) []path {
	return o.compare(o.manifest, live, true)
}

func (o *object) compare(want, live *unstructured.Unstructured, subset bool) []path {
	d := differ{subset: subset}
	want = o.scaledAs(want, live)
	keys := maps.Clone(want.Object)
	if !subset {
		maps.Copy(keys, live.Object)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch key {
		case "apiVersion", "kind", "metadata", "status":
		default:
			d.value(path{key}, want.Object[key], live.Object[key])
		}
	}
	for key, value := range o.manifest.GetLabels() {
		d.value(path{"metadata", "labels", key}, value, live.GetLabels()[key])
	}
	for key, value := range o.manifest.GetAnnotations() {
		d.value(path{"metadata", "annotations", key}, value, live.GetAnnotations()[key])
	}
	if len(live.GetOwnerReferences()) > 0 {
		d.add(path{"metadata", "ownerReferences"})
	}
	slices.SortFunc(d.paths, func(a, b path) int { return slices.Compare(a, b) })
	return d.paths
}

// over is the manifest as an update of what is there: with the labels and
// annotations of others.
func (o *object) over(live *unstructured.Unstructured) *unstructured.Unstructured {
	u := o.scaledAs(o.manifest.DeepCopy(), live)
	u.SetResourceVersion(live.GetResourceVersion())
	u.SetUID(live.GetUID())
	u.SetFinalizers(live.GetFinalizers())
	u.SetLabels(merged(live.GetLabels(), o.manifest.GetLabels()))
	u.SetAnnotations(merged(live.GetAnnotations(), o.manifest.GetAnnotations()))
	at := []string{"spec", "template", "metadata", "annotations", restartedAt}
	if when, ok, err := unstructured.NestedString(live.Object, at...); ok && err == nil {
		// A manifest with a pod template has maps all the way.
		_ = unstructured.SetNestedField(u.Object, when, at...)
	}
	return u
}

func merged(theirs, ours map[string]string) map[string]string {
	m := map[string]string{}
	maps.Copy(m, theirs)
	maps.Copy(m, ours)
	if len(m) == 0 {
		return nil
	}
	return m
}

// differ collects the paths at which two values differ.
type differ struct {
	// subset says that only what is wanted is looked at.
	subset bool
	paths  []path
}

func (d *differ) add(p path) { d.paths = append(d.paths, slices.Clone(p)) }

func (d *differ) value(p path, want, live any) {
	if empty(want) && empty(live) {
		return
	}
	switch w := want.(type) {
	case map[string]any:
		if l, ok := live.(map[string]any); ok {
			d.fields(p, w, l)
			return
		}
	case []any:
		if l, ok := live.([]any); ok {
			d.items(p, w, l)
			return
		}
	}
	if !reflect.DeepEqual(want, live) {
		d.add(p)
	}
}

func (d *differ) fields(p path, want, live map[string]any) {
	keys := maps.Clone(want)
	if !d.subset {
		maps.Copy(keys, live)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key != restartedAt {
			d.value(append(p, key), want[key], live[key])
		}
	}
}

// items compares lists: item by item if they have the same items, by their names
// if they have names.
func (d *differ) items(p path, want, live []any) {
	a, b := itemNames(want), itemNames(live)
	if len(want) == len(live) && slices.Equal(a, b) {
		for i := range want {
			d.value(append(p, "["+a[i]+"]"), want[i], live[i])
		}
		return
	}
	names := sets.List(sets.New(a...).SymmetricDifference(sets.New(b...)))
	if len(names) == 0 || !named(want) && !named(live) { // the same items in another order, or any items
		d.add(p)
		return
	}
	for _, name := range names {
		d.add(append(p, "["+name+"]"))
	}
}

// named says whether the items of a list have names.
func named(list []any) bool {
	return len(list) > 0 && itemNames(list)[0] != "0"
}

// itemNames are the names of a list's items, or their indices.
func itemNames(list []any) []string {
	names := make([]string, len(list))
	for i, item := range list {
		names[i] = fmt.Sprint(i)
		if m, ok := item.(map[string]any); ok {
			if name, ok := m["name"].(string); ok {
				names[i] = name
			}
		}
	}
	return names
}

// empty says whether a value is as good as none.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0 || len(v) == 1 && v[restartedAt] != nil
	case []any:
		return len(v) == 0
	}
	return false
}
