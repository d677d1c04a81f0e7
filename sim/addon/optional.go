package addon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// AppRouting is AKS's application routing add-on: it is there for who has enabled it.
const AppRouting = "app-routing"

// all are the objects that are wanted now. The list is not changed, but replaced.
func (r *Reconciler) all() []*object {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.objects
}

// Want says whether an add-on that customers enable is wanted. Call it before
// [Reconciler.Prepare]: it sends nothing.
func (r *Reconciler) Want(name string, on bool) {
	r.passing.Lock()
	defer r.passing.Unlock()
	r.enlist(name, on)
}

// enlist is [Reconciler.Want]; the caller holds passing. It says whether something has changed.
func (r *Reconciler) enlist(name string, on bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := r.optional[name]
	if len(own) == 0 || slices.Contains(r.objects, own[0]) == on {
		return false
	}
	if on {
		r.objects = slices.Concat(r.objects, own)
	} else {
		r.objects = slices.DeleteFunc(slices.Clone(r.objects), func(o *object) bool { return slices.Contains(own, o) })
	}
	for _, o := range own {
		delete(r.accepted, o.id)
		delete(r.marked, o.id)
		delete(r.byID, o.id)
		if on {
			r.byID[o.id] = o
		}
	}
	select {
	case r.changed <- struct{}{}:
	default:
	}
	return true
}

// Enable creates an add-on that customers enable, and keeps it from then on; or deletes it and
// keeps it no longer. What customers may have written into stays, and the namespace with it
// (MicrosoftDocs/azure-aks-docs, app-routing: "Remove the application routing add-on").
func (r *Reconciler) Enable(ctx context.Context, name string, on bool) error {
	r.passing.Lock()
	defer r.passing.Unlock()
	if !r.enlist(name, on) {
		return nil
	}
	own := r.optional[name]
	if on {
		for _, o := range own {
			if err := r.install(ctx, o); err != nil {
				r.enlist(name, false)
				return errors.Join(fmt.Errorf("%s %s: %w", o.kind, o.id.name, err), r.deleteAll(ctx, own))
			}
		}
		return nil
	}
	return r.deleteAll(ctx, own)
}

// stays says whether an object of an add-on that is disabled is left.
func (o *object) stays() bool { return o.kind == "Namespace" || o.kind == "ConfigMap" }

// deleteAll deletes objects, the last one first.
func (r *Reconciler) deleteAll(ctx context.Context, list []*object) (failed error) {
	background := metav1.DeletePropagationBackground
	for _, o := range slices.Backward(list) {
		if o.stays() {
			continue
		}
		err := r.resource(o.id).Delete(ctx, o.id.name, metav1.DeleteOptions{PropagationPolicy: &background})
		if err != nil && !apierrors.IsNotFound(err) {
			failed = errors.Join(failed, fmt.Errorf("%s %s: %w", o.kind, o.id.name, err))
		}
	}
	return failed
}

// optionalKinds are the kinds of add-ons that customers enable, as far as the watches of others
// do not see them.
func (r *Reconciler) optionalKinds(base []kind) []kind {
	var own []*object
	for _, o := range r.all() {
		if o.optional {
			own = append(own, o)
		}
	}
	return slices.DeleteFunc(kinds(own), func(k kind) bool {
		return slices.ContainsFunc(base, func(b kind) bool {
			return b.gvr == k.gvr && (b.namespace == metav1.NamespaceAll || b.namespace == k.namespace)
		})
	})
}

// base are the objects that every cluster has.
func (r *Reconciler) base() []*object {
	return slices.DeleteFunc(slices.Clone(r.all()), func(o *object) bool { return o.optional })
}

// autoscaled marks the Deployments that a HorizontalPodAutoscaler among the objects scales.
func autoscaled(objects []*object) {
	for _, h := range objects {
		if h.kind != "HorizontalPodAutoscaler" {
			continue
		}
		target, _, _ := unstructured.NestedString(h.manifest.Object, "spec", "scaleTargetRef", "name") // absent is nobody's name
		for _, o := range objects {
			o.scaled = o.scaled || o.kind == "Deployment" && o.id.namespace == h.id.namespace && o.id.name == target
		}
	}
}

// scaledAs is what is wanted with as many replicas as there are, if that is not ours to say.
func (o *object) scaledAs(want, live *unstructured.Unstructured) *unstructured.Unstructured {
	if !o.scaled {
		return want
	}
	want = want.DeepCopy()
	if n, ok, err := unstructured.NestedInt64(live.Object, "spec", "replicas"); ok && err == nil {
		_ = unstructured.SetNestedField(want.Object, n, "spec", "replicas") // a Deployment has a spec
	}
	return want
}
