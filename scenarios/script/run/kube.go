package run

import (
	"context"
	"fmt"
	"sync"

	"demarc/scenarios/script/kinds"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// kube talks to the API server as the customer.
type kube struct {
	dynamic   dynamic.Interface
	discovery discovery.DiscoveryInterface // nil if there are only built-in kinds
	close     func()                       // its connections; nil if it has none

	mu     sync.Mutex
	mapper meta.RESTMapper // of kinds that are not built in; nil until needed
}

func newKube(cfg *rest.Config) (*kube, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.WarningHandler = rest.NoWarnings{} // nobody reads an engine's log for them
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	d, err := dynamic.NewForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("make a discovery client: %w", err)
	}
	return &kube{dynamic: d, discovery: disco, close: client.CloseIdleConnections}, nil
}

// resource is the client of a kind, in a namespace if it lives in one.
func (k *kube) resource(ctx context.Context, gvk schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	gvr, inNamespace, err := k.mapping(ctx, gvk)
	if err != nil {
		return nil, err
	}
	if inNamespace && namespace != "" {
		return k.dynamic.Resource(gvr).Namespace(namespace), nil
	}
	return k.dynamic.Resource(gvr), nil
}

// mapping finds the resource of a kind: by rule for what is built in, else by
// asking the API server.
func (k *kube) mapping(ctx context.Context, gvk schema.GroupVersionKind) (schema.GroupVersionResource, bool, error) {
	if kinds.BuiltIn(gvk.Group) || k.discovery == nil {
		gvr, _ := meta.UnsafeGuessKindToResource(gvk)
		return gvr, kinds.Namespaced(gvk), nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for fresh := range 2 {
		if fresh == 1 || k.mapper == nil {
			groups, err := restmapper.GetAPIGroupResources(k.discovery)
			if err != nil {
				return schema.GroupVersionResource{}, false, fmt.Errorf("discover the kinds of the API server: %w", err)
			}
			k.mapper = restmapper.NewDiscoveryRESTMapper(groups)
		}
		if m, err := k.find(gvk); err == nil {
			return m.Resource, m.Scope.Name() == meta.RESTScopeNameNamespace, nil
		} else if fresh == 1 {
			return schema.GroupVersionResource{}, false, fmt.Errorf("the API server does not know the kind: %w", err)
		}
	}
	return schema.GroupVersionResource{}, false, ctx.Err()
}

// find looks a kind up; one that was named by a word has no version, and its
// kind may be the name of the resource.
func (k *kube) find(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	if gvk.Version != "" {
		return k.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	full, err := k.mapper.KindFor(schema.GroupVersionResource{Group: gvk.Group, Resource: gvk.Kind})
	if err != nil {
		return nil, err
	}
	return k.mapper.RESTMapping(full.GroupKind(), full.Version)
}

// list returns the objects of a kind in a namespace, or in all if that is empty,
// and the resource version from which to watch.
func (k *kube) list(ctx context.Context, gvk schema.GroupVersionKind, namespace string) ([]*unstructured.Unstructured, string, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	res, err := k.resource(ctx, gvk, namespace)
	if err != nil {
		return nil, "", err
	}
	list, err := res.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, "", err
	}
	objects := make([]*unstructured.Unstructured, 0, len(list.Items))
	for i := range list.Items {
		objects = append(objects, &list.Items[i])
	}
	return objects, list.GetResourceVersion(), nil
}
