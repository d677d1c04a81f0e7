package addon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// proxyModeFlag is the flag of kube-proxy that names its mode.
const proxyModeFlag = "--proxy-mode="

// KubeProxyMode sets the mode by which kube-proxy is wanted to work: ipvs, nftables,
// or the default of the manifest if it is empty. It writes nothing: see
// [Reconciler.WriteKubeProxy].
func (r *Reconciler) KubeProxyMode(mode string) error {
	r.passing.Lock()
	defer r.passing.Unlock()
	return r.want(r.kubeProxy(), func(container map[string]any) error {
		command, _, err := unstructured.NestedStringSlice(container, "command")
		if err != nil {
			return err
		}
		command = slices.DeleteFunc(command, func(word string) bool { return strings.HasPrefix(word, proxyModeFlag) })
		if mode != "" {
			command = append(command, proxyModeFlag+mode)
		}
		return unstructured.SetNestedStringSlice(container, command, "command")
	})
}

// want changes the containers that an object is wanted to have; the caller holds passing.
func (r *Reconciler) want(o *object, change func(container map[string]any) error) error {
	m := o.manifest.DeepCopy()
	at := []string{"spec", "template", "spec", "containers"}
	containers, _, err := unstructured.NestedSlice(m.Object, at...)
	for _, c := range containers {
		if c, ok := c.(map[string]any); ok {
			err = errors.Join(err, change(c))
		}
	}
	if err = errors.Join(err, unstructured.SetNestedSlice(m.Object, containers, at...)); err != nil {
		return fmt.Errorf("manifest of %s: %w", o.id.name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	o.manifest = m
	delete(r.accepted, o.id)
	return nil
}

// WriteKubeProxy writes kube-proxy as it is wanted, at once. One that is missing is left
// to [Reconciler.Run].
func (r *Reconciler) WriteKubeProxy(ctx context.Context) error {
	r.passing.Lock()
	defer r.passing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := r.write(ctx, r.kubeProxy())
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// write writes an object as it is wanted, at once; the caller holds passing. What differs
// is no edit of somebody else's.
func (r *Reconciler) write(ctx context.Context, o *object) (*unstructured.Unstructured, error) {
	live, err := r.resource(o.id).Get(ctx, o.id.name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	result, err := r.update(ctx, o, live)
	if err == nil {
		r.accept(o, result)
	}
	return result, err
}

// kubeProxy is kube-proxy's DaemonSet, which the manifests have.
func (r *Reconciler) kubeProxy() *object {
	objects := r.all()
	i := slices.IndexFunc(objects, func(o *object) bool { return o.kind == "DaemonSet" && o.id.name == "kube-proxy" })
	return objects[i]
}
