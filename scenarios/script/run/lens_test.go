package run

import (
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestNullIsAbsent checks it of what is listed, and of what changes.
func TestNullIsAbsent(t *testing.T) {
	slices := schema.GroupVersionKind{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"}
	shy := func() *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"endpoints": nil, "ports": []any{map[string]any{"port": int64(80), "appProtocol": nil}, "x", nil},
			"metadata": map[string]any{"name": "shy", "managedFields": nil},
		}}
	}
	want := map[string]any{"ports": []any{map[string]any{"port": int64(80)}, "x", nil}, "metadata": map[string]any{"name": "shy"}}
	l := &lens{kinds: map[schema.GroupVersionKind]*kindState{slices: {}}, changed: make(chan struct{})}
	for _, step := range []struct {
		name string
		take func()
	}{ // a kind is listed before its changes are watched
		{"listed", func() { l.set(slices, []*unstructured.Unstructured{shy()}, nil) }},
		{"changed", func() { l.change(slices, shy(), false) }},
	} {
		step.take()
		got, err := l.get(slices)
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0].Object, want) {
			t.Errorf("%s: got %v, %v; want %v", step.name, got, err, want)
		}
	}
}
