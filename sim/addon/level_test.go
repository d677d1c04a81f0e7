package addon

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestLevels(t *testing.T) {
	r, err := New(Config{Client: newClient()})
	if err != nil {
		t.Fatal(err)
	}
	image := func(name string) string {
		for _, o := range r.objects {
			if o.id.name == name && o.runsPods() {
				list, _, _ := unstructured.NestedSlice(o.manifest.Object, "spec", "template", "spec", "containers")
				return list[0].(map[string]any)["image"].(string)
			}
		}
		return ""
	}
	plain, other := image("coredns"), image("kube-proxy")
	r.SetLevels(map[string]string{"coredns": "aks.1"})
	if got := image("coredns"); got != plain+"-aks.1" || image("kube-proxy") != other {
		t.Errorf("image %s, that of kube-proxy %s", got, image("kube-proxy"))
	}
	r.SetLevels(map[string]string{"coredns": "aks.2"})
	if got := image("coredns"); got != plain+"-aks.2" {
		t.Errorf("image %s after another patch", got)
	}
	if err := r.Relabel(t.Context(), "core-dns", "aks.1"); err == nil || !strings.Contains(err.Error(), `no add-on "core-dns"`) {
		t.Errorf("an unknown add-on: %v", err)
	}
}

func TestRolledOut(t *testing.T) {
	for _, tt := range []struct {
		kind string
		spec map[string]any
		now  map[string]any
		want bool
	}{
		{"Deployment", map[string]any{"replicas": int64(2)}, map[string]any{"observedGeneration": int64(2), "updatedReplicas": int64(2), "availableReplicas": int64(2), "replicas": int64(2)}, true},
		{"Deployment", map[string]any{"replicas": int64(2)}, map[string]any{"observedGeneration": int64(2), "updatedReplicas": int64(2), "availableReplicas": int64(2), "replicas": int64(3)}, false},
		{"Deployment", map[string]any{"replicas": int64(2)}, map[string]any{"observedGeneration": int64(1), "updatedReplicas": int64(2), "availableReplicas": int64(2), "replicas": int64(2)}, false},
		{"DaemonSet", nil, map[string]any{"observedGeneration": int64(2), "desiredNumberScheduled": int64(3), "updatedNumberScheduled": int64(3), "numberAvailable": int64(3)}, true},
		{"DaemonSet", nil, map[string]any{"observedGeneration": int64(2), "desiredNumberScheduled": int64(3), "updatedNumberScheduled": int64(3), "numberAvailable": int64(2)}, false},
	} {
		u := &unstructured.Unstructured{Object: map[string]any{"kind": tt.kind, "metadata": map[string]any{"generation": int64(2)}, "spec": tt.spec, "status": tt.now}}
		if got := rolledOut(u); got != tt.want {
			t.Errorf("%s %v: %v", tt.kind, tt.now, got)
		}
	}
}
