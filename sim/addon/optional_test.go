package addon

import (
	"errors"
	"slices"
	"testing"
	"time"

	"demarc/sim/api"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// routing finds an object of the application routing add-on in a world; nil if it is not there.
func (w *world) routing(resource, name string) *unstructured.Unstructured {
	namespace := api.AppRoutingNamespace
	if resource == "namespaces" {
		namespace = ""
	}
	obj, err := w.client.Tracker().Get(gvr(resource), namespace, name)
	if err != nil {
		return nil
	}
	return obj.(*unstructured.Unstructured).DeepCopy()
}

// An add-on that customers enable is kept as others are, but for its replicas, until it is
// disabled; what customers may have put beside it stays.
func TestEnable(t *testing.T) {
	inBubble(t, func(w *world) {
		if w.routing("deployments", "nginx") != nil || w.r.Of(api.AppRoutingNamespace, "nginx-1") != "" {
			t.Error("it is there before it is enabled")
		}
		if err := w.r.Enable(t.Context(), AppRouting, true); err != nil {
			t.Fatal(err)
		}
		w.settled()
		if w.routing("deployments", "nginx") == nil || w.routing("namespaces", api.AppRoutingNamespace) == nil {
			t.Fatal("it is not there")
		}
		if got := w.r.Of(api.AppRoutingNamespace, "nginx-1"); got != "addon/deployment/nginx" || w.r.Of(metav1.NamespaceSystem, "nginx-1") != "" {
			t.Errorf("its pod is of %q", got)
		}

		u := w.routing("deployments", "nginx")
		set(int64(5), "spec", "replicas")(u.Object)
		if err := w.client.Tracker().Update(gvr("deployments"), u, api.AppRoutingNamespace); err != nil {
			t.Fatal(err)
		}
		w.settled()
		if n, _, _ := unstructured.NestedInt64(w.routing("deployments", "nginx").Object, "spec", "replicas"); n != 5 {
			t.Errorf("%d replicas, want what the autoscaler has said", n)
		}
		if err := w.client.Tracker().Delete(gvr("services"), api.AppRoutingNamespace, "nginx"); err != nil {
			t.Fatal(err)
		}
		w.settled("deleted Service/nginx")

		if err := w.r.Enable(t.Context(), AppRouting, false); err != nil {
			t.Fatal(err)
		}
		w.settled()
		if w.routing("deployments", "nginx") != nil || w.routing("services", "nginx") != nil || w.routing("namespaces", api.AppRoutingNamespace) == nil || w.routing("configmaps", "nginx") == nil {
			t.Error("it is there after it was disabled, or its namespace is not")
		}
	})
}

// What cannot be created as a whole is not there at all.
func TestEnableFails(t *testing.T) {
	inBubble(t, func(w *world) {
		w.hook = func(u *unstructured.Unstructured, _ bool) error {
			if u.GetKind() == "Deployment" {
				return errors.New("no")
			}
			return nil
		}
		if err := w.r.Enable(t.Context(), AppRouting, true); err == nil {
			t.Error("there is no error")
		}
		time.Sleep(2 * Period)
		if told := w.told(); len(told) > 0 || w.routing("services", "nginx") != nil {
			t.Errorf("told %q, or a part is there", told)
		}
	})
}

// While nobody has enabled an add-on nothing is watched for it.
func TestNothingIsWatchedBefore(t *testing.T) {
	w := newWorld(t)
	base := kinds(w.r.base())
	if got := w.r.optionalKinds(base); len(got) > 0 {
		t.Errorf("watched: %v", got)
	}
	w.r.Want(AppRouting, true)
	if got := w.r.optionalKinds(base); len(got) == 0 || slices.ContainsFunc(got, func(k kind) bool { return k.namespace != "" && k.namespace != api.AppRoutingNamespace || !k.labelled }) {
		t.Errorf("watched: %v", got)
	}
}
