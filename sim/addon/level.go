package addon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/clock"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// SetLevels says which patch level the images of add-ons have, by name, such as
// aks.1. Call it before [Reconciler.Run]: it sends nothing.
func (r *Reconciler) SetLevels(levels map[string]string) {
	r.passing.Lock()
	defer r.passing.Unlock()
	for _, o := range r.all() {
		if level := levels[o.id.name]; level != "" && o.runsPods() {
			r.relabel(o, level)
		}
	}
}

// Relabel gives the images of an add-on a patch level and returns when all its pods
// run them. While [Reconciler.Run] does not run, nobody keeps what it writes.
func (r *Reconciler) Relabel(ctx context.Context, name, level string) error {
	objects := r.all()
	i := slices.IndexFunc(objects, func(o *object) bool { return o.id.name == name && o.runsPods() })
	if i < 0 {
		return fmt.Errorf("no add-on %q runs pods", name)
	}
	o := objects[i]
	result, err := r.writeLevel(ctx, o, level)
	if err != nil {
		return fmt.Errorf("roll add-on %s: %w", name, err)
	}
	for !rolledOut(result) {
		if !clock.Sleep(ctx, time.Second) {
			return fmt.Errorf("roll add-on %s: %w", name, ctx.Err())
		}
		if result, err = r.resource(o.id).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return fmt.Errorf("roll add-on %s: %w", name, err)
		}
	}
	return nil
}

// writeLevel writes an add-on with images of a patch level.
func (r *Reconciler) writeLevel(ctx context.Context, o *object, level string) (*unstructured.Unstructured, error) {
	r.passing.Lock()
	defer r.passing.Unlock()
	r.relabel(o, level)
	return r.write(ctx, o)
}

// relabel gives the images of the pods another patch level; the caller holds passing.
func (r *Reconciler) relabel(o *object, level string) {
	_ = r.want(o, func(container map[string]any) error { // our manifests have containers
		image, _ := container["image"].(string)
		plain, _, _ := strings.Cut(image, levelMark)
		container["image"] = plain + levelMark + strings.TrimPrefix(level, levelMark[1:])
		return nil
	})
}

// levelMark begins the patch level in an image's tag.
const levelMark = "-aks."

// Serves returns an error if an add-on has pods and not as many of them are available as it
// should have.
func (r *Reconciler) Serves(ctx context.Context, kind, name string) error {
	objects := r.all()
	i := slices.IndexFunc(objects, func(o *object) bool { return o.kind == kind && o.id.name == name })
	if i < 0 || !objects[i].runsPods() {
		return nil
	}
	live, err := r.resource(objects[i].id).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if !rolledOut(live) {
		return fmt.Errorf("not all pods of %s %s are available", kind, name)
	}
	return nil
}

// Of is the add-on that an object in a namespace of AKS's belongs to by its name, or by what a name
// begins with that the API server makes up: addon/KIND/NAME, or empty if it is of none.
func (r *Reconciler) Of(namespace, name string) string {
	var found *object
	for _, o := range r.all() {
		fits := name == o.id.name || strings.HasPrefix(name, o.id.name+"-")
		if fits && o.id.namespace == namespace && o.runsPods() && (found == nil || len(o.id.name) > len(found.id.name)) {
			found = o
		}
	}
	if found == nil {
		return ""
	}
	return "addon/" + strings.ToLower(found.kind) + "/" + found.id.name
}

// rolledOut says whether all pods of a Deployment or a DaemonSet are of its newest
// form and available.
func rolledOut(u *unstructured.Unstructured) bool {
	number := func(fields ...string) int64 {
		n, _, _ := unstructured.NestedInt64(u.Object, fields...) // absent is 0
		return n
	}
	if number("status", "observedGeneration") < u.GetGeneration() {
		return false
	}
	if u.GetKind() == "DaemonSet" {
		want := number("status", "desiredNumberScheduled")
		return number("status", "updatedNumberScheduled") == want && number("status", "numberAvailable") == want
	}
	want := number("spec", "replicas")
	return number("status", "updatedReplicas") == want && number("status", "availableReplicas") == want && number("status", "replicas") == want
}
