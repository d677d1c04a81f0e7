package addon

import (
	"context"
	"errors"
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
	o := r.kubeProxy()
	m := o.manifest.DeepCopy()
	containers, ok, err := unstructured.NestedSlice(m.Object, "spec", "template", "spec", "containers")
	if err != nil || !ok || len(containers) == 0 {
		return errors.Join(errors.New("the manifest of kube-proxy has no container"), err)
	}
	c, _ := containers[0].(map[string]any)
	command, _, err := unstructured.NestedStringSlice(c, "command")
	if err != nil {
		return err
	}
	command = slices.DeleteFunc(command, func(word string) bool { return strings.HasPrefix(word, proxyModeFlag) })
	if mode != "" {
		command = append(command, proxyModeFlag+mode)
	}
	if err := unstructured.SetNestedStringSlice(c, command, "command"); err != nil {
		return err
	}
	if err := unstructured.SetNestedSlice(m.Object, containers, "spec", "template", "spec", "containers"); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	o.manifest = m
	delete(r.accepted, o.id)
	return nil
}

// WriteKubeProxy writes kube-proxy as it is wanted, at once. What differs is no
// edit of somebody else's. One that is missing is left to [Reconciler.Run].
func (r *Reconciler) WriteKubeProxy(ctx context.Context) error {
	r.passing.Lock()
	defer r.passing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	o := r.kubeProxy()
	live, err := r.resource(o.id).Get(ctx, o.id.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	result, err := r.update(ctx, o, live)
	if err != nil {
		return err
	}
	r.accept(o, result)
	return nil
}

// kubeProxy is kube-proxy's DaemonSet, which the manifests have.
func (r *Reconciler) kubeProxy() *object {
	i := slices.IndexFunc(r.objects, func(o *object) bool { return o.kind == "DaemonSet" && o.id.name == "kube-proxy" })
	return r.objects[i]
}
