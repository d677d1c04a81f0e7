package addon

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/clock"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// The Admissions Enforcer of AKS keeps customers' webhooks from the namespaces that AKS
// manages: it adds what excludes these to each webhook's namespaceSelector, unless the
// configuration says that it is not to (AKS FAQ, "Can admission controller webhooks impact
// kube-system and internal AKS namespaces?").
const (
	// enforcerManager is the name under which it writes.
	enforcerManager = "admissionsenforcer"
	// enforcerOff is the label or annotation by which a configuration opts out.
	enforcerOff = "admissions.enforcer/disabled"
)

// spared is what a namespaceSelector must say, key by key.
var spared = []map[string]any{
	{"key": "control-plane", "operator": "NotIn", "values": []any{"true"}},
	{"key": "kubernetes.azure.com/managedby", "operator": "NotIn", "values": []any{"aks"}},
}

// webhookKinds are the kinds of configurations that are enforced.
var webhookKinds = []schema.GroupVersionResource{
	{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
	{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
}

// Enforce keeps customers' webhooks from the namespaces of AKS, until ctx ends. Edited is
// told of each configuration that was changed, as the timeline names it.
func (r *Reconciler) Enforce(ctx context.Context, edited func(subject string)) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, gvr := range webhookKinds {
		e := enforcer{r.client.Resource(gvr), func(name string) { edited(webhooksSubject(gvr, name)) }}
		names := make(chan string)
		informer := dynamicinformer.NewFilteredDynamicInformer(r.client, gvr, metav1.NamespaceAll, 0, cache.Indexers{}, longWatch).Informer()
		look := func(obj any) {
			if u, ok := obj.(*unstructured.Unstructured); ok && !enforced(u) {
				select {
				case names <- u.GetName():
				case <-ctx.Done():
				}
			}
		}
		_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: look, UpdateFunc: func(_, obj any) { look(obj) }}) // fails only once it has stopped
		all.Go(func() { informer.RunWithContext(ctx) })
		all.Go(func() { e.run(ctx, names) })
	}
	<-ctx.Done()
}

// Declares is the configuration that declares a webhook, as the timeline names it; empty if
// there is none any more, as far as the API server tells.
func (r *Reconciler) Declares(ctx context.Context, webhook string) string {
	for _, gvr := range webhookKinds {
		list, err := r.client.Resource(gvr).List(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		for i := range list.Items {
			webhooks, _, _ := unstructured.NestedSlice(list.Items[i].Object, "webhooks")
			if slices.ContainsFunc(webhooks, func(w any) bool {
				m, ok := w.(map[string]any)
				return ok && m["name"] == webhook
			}) {
				return webhooksSubject(gvr, list.Items[i].GetName())
			}
		}
	}
	return ""
}

// webhooksSubject is how the timeline names a configuration of webhooks.
func webhooksSubject(gvr schema.GroupVersionResource, name string) string {
	return strings.TrimSuffix(gvr.Resource, "s") + "/" + name
}

// enforcer keeps one kind of configurations.
type enforcer struct {
	client dynamic.NamespaceableResourceInterface
	edited func(name string)
}

func (e enforcer) run(ctx context.Context, names <-chan string) {
	for {
		select {
		case <-ctx.Done():
			return
		case name := <-names:
			for e.enforce(ctx, name) != nil && clock.Sleep(ctx, time.Second) {
			}
		}
	}
}

// enforce adds to one configuration what it lacks. Somebody may have written it meanwhile,
// and it may be gone.
func (e enforcer) enforce(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	u, err := e.client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && enforced(u) {
		return nil
	}
	if err != nil {
		return err
	}
	webhooks, _, _ := unstructured.NestedSlice(u.Object, "webhooks") // the API server has validated it
	for _, w := range webhooks {
		if m, ok := w.(map[string]any); ok {
			spare(m)
		}
	}
	if err := unstructured.SetNestedSlice(u.Object, webhooks, "webhooks"); err != nil {
		return err
	}
	_, err = e.client.Update(ctx, u, metav1.UpdateOptions{FieldManager: enforcerManager})
	switch {
	case err == nil:
		e.edited(name)
	case apierrors.IsNotFound(err), apierrors.IsInvalid(err):
		return nil // there is nothing to be had by asking again
	}
	return err
}

// enforced says whether a configuration has nothing to be added.
func enforced(u *unstructured.Unstructured) bool {
	if u.GetLabels()[enforcerOff] == "true" || u.GetAnnotations()[enforcerOff] == "true" {
		return true
	}
	webhooks, _, _ := unstructured.NestedSlice(u.Object, "webhooks")
	return !slices.ContainsFunc(webhooks, func(w any) bool {
		m, ok := w.(map[string]any)
		return ok && len(lacking(m)) > 0
	})
}

// lacking is what a webhook's namespaceSelector does not say.
func lacking(webhook map[string]any) (list []any) {
	says, _, _ := unstructured.NestedSlice(webhook, "namespaceSelector", "matchExpressions")
	for _, want := range spared {
		has := func(x any) bool {
			m, ok := x.(map[string]any)
			if !ok || m["key"] != want["key"] || m["operator"] != want["operator"] {
				return false
			}
			values, _, _ := unstructured.NestedStringSlice(m, "values")
			return slices.Contains(values, want["values"].([]any)[0].(string))
		}
		if !slices.ContainsFunc(says, has) {
			list = append(list, want)
		}
	}
	return list
}

// spare adds to a webhook's namespaceSelector what it does not say.
func spare(webhook map[string]any) {
	says, _, _ := unstructured.NestedSlice(webhook, "namespaceSelector", "matchExpressions")
	_ = unstructured.SetNestedSlice(webhook, append(says, lacking(webhook)...), "namespaceSelector", "matchExpressions") // it is a map, as the API server has validated
}
