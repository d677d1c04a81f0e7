package addon

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/google/go-cmp/cmp"
)

// configuration is one with a webhook for each selector.
func configuration(meta map[string]any, selectors ...map[string]any) *unstructured.Unstructured {
	var webhooks []any
	for _, s := range selectors {
		w := map[string]any{"name": "a.example.com"}
		if s != nil {
			w["namespaceSelector"] = s
		}
		webhooks = append(webhooks, w)
	}
	return &unstructured.Unstructured{Object: map[string]any{"metadata": meta, "webhooks": webhooks}}
}

func TestEnforced(t *testing.T) {
	expression := func(key, operator string, values ...any) any {
		return map[string]any{"key": key, "operator": operator, "values": values}
	}
	all := map[string]any{"matchExpressions": []any{
		expression("control-plane", "NotIn", "true"), expression("kubernetes.azure.com/managedby", "NotIn", "aks"),
	}}
	tests := []struct {
		name string
		u    *unstructured.Unstructured
		want bool
	}{
		{"no selector", configuration(nil, nil), false},
		{"an empty selector", configuration(nil, map[string]any{}), false},
		{"what is to be there", configuration(nil, all), true},
		{"one of two webhooks", configuration(nil, all, nil), false},
		{"the other operator", configuration(nil, map[string]any{"matchExpressions": []any{
			expression("control-plane", "In", "true"), expression("kubernetes.azure.com/managedby", "NotIn", "aks"),
		}}), false},
		{"more values", configuration(nil, map[string]any{"matchExpressions": []any{
			expression("control-plane", "NotIn", "x", "true"), expression("kubernetes.azure.com/managedby", "NotIn", "aks"),
		}}), true},
		{"opted out by an annotation", configuration(map[string]any{"annotations": map[string]any{"admissions.enforcer/disabled": "true"}}, nil), true},
		{"opted out by a label", configuration(map[string]any{"labels": map[string]any{"admissions.enforcer/disabled": "true"}}, nil), true},
		{"not opted out", configuration(map[string]any{"annotations": map[string]any{"admissions.enforcer/disabled": "false"}}, nil), false},
		{"no webhooks", configuration(nil), true},
	}
	for _, tt := range tests {
		if got := enforced(tt.u); got != tt.want {
			t.Errorf("%s: enforced is %v", tt.name, got)
		}
	}
}

// TestSpare keeps what the customer has selected.
func TestSpare(t *testing.T) {
	own := map[string]any{"key": "team", "operator": "Exists"}
	w := map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}, "matchExpressions": []any{own}}}
	spare(w)
	spare(w)
	want := map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}, "matchExpressions": []any{
		own,
		map[string]any{"key": "control-plane", "operator": "NotIn", "values": []any{"true"}},
		map[string]any{"key": "kubernetes.azure.com/managedby", "operator": "NotIn", "values": []any{"aks"}},
	}}}
	if d := cmp.Diff(want, w); d != "" {
		t.Error(d)
	}
}
