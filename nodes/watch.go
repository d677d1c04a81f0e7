package nodes

import (
	"context"
	"iter"
	"net/http"

	"demarc/nodes/kubelet"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// watch prepares the one set of informers that serves the whole fleet.
func (f *Fleet) watch() {
	f.informers = informers.NewSharedInformerFactoryWithOptions(f.client, 0, informers.WithTransform(slim))
	pods := f.informers.Core().V1().Pods().Informer()
	f.services = f.informers.Core().V1().Services().Lister()
	f.slices = f.informers.Discovery().V1().EndpointSlices().Lister()
	f.nodes = f.informers.Core().V1().Nodes().Lister()

	// Adding a handler to an informer that has not started cannot fail.
	seen, _ := pods.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc:    f.podSeen,
		UpdateFunc: func(_, obj any) { f.podSeen(obj, false) },
		DeleteFunc: f.podGone,
	})
	f.podsSeen = seen.HasSynced
	changed := func(any) { f.rulesChanged() }
	for _, i := range []cache.SharedIndexInformer{
		f.informers.Core().V1().Services().Informer(), f.informers.Discovery().V1().EndpointSlices().Informer(),
	} {
		_, _ = i.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }, DeleteFunc: changed,
		})
	}
	_ = f.informers.Core().V1().Nodes().Informer()
}

// slim drops what nobody here reads and what takes the most memory. It changes
// a copy: a client may have shared the object with somebody else.
func slim(obj any) (any, error) {
	switch o := obj.(type) {
	case *corev1.Pod:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	case *corev1.Node:
		c := *o
		c.ManagedFields, c.Status.Images = nil, nil
		return &c, nil
	case *corev1.Service:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	case *discoveryv1.EndpointSlice:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	}
	return obj, nil
}

// ErrNotSynced says that the informers have not read the API server's state yet:
// what they lack may well be there.
var ErrNotSynced error = api.Errorf(http.StatusServiceUnavailable, "what the API server has was not read yet: the cluster is starting")

// awaitSync waits until the informers have their first lists, and the pods among
// them their containers.
func (f *Fleet) awaitSync(ctx context.Context) {
	if !cache.WaitForCacheSync(ctx.Done(), f.podsSeen,
		f.informers.Core().V1().Nodes().Informer().HasSynced,
		f.informers.Core().V1().Services().Informer().HasSynced,
		f.informers.Discovery().V1().EndpointSlices().Informer().HasSynced) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.synced.Store(true)
	f.proxy.stale = true
	f.timers.Wake(&f.proxy)
}

// podSeen takes a new or changed pod from the API server.
func (f *Fleet) podSeen(obj any, first bool) {
	pod, ok := obj.(*corev1.Pod)
	if !ok || pod.Spec.NodeName == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var k *kubelet.Kubelet
	if m := f.named(pod.Spec.NodeName); m != nil && m.stopped != deleted {
		k = m.kubelet
	}
	f.kubelets.Seen(k, pod, first)
}

// podGone takes the end of a pod from the API server.
func (f *Fleet) podGone(obj any) {
	d, missing := obj.(cache.DeletedFinalStateUnknown)
	if missing {
		obj = d.Obj
	}
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kubelets.Gone(pod, missing)
}

// NodeObjects are the Nodes as the fleet's informer has them; they are not to be
// changed. Before it has read them the error is [ErrNotSynced].
func (f *Fleet) NodeObjects() ([]*corev1.Node, error) {
	if err := f.Synced(); err != nil {
		return nil, err
	}
	return f.nodes.List(labels.Everything())
}

// node is one of them.
func (f *Fleet) node(name string) (*corev1.Node, error) {
	if err := f.Synced(); err != nil {
		return nil, err
	}
	return f.nodes.Get(name)
}

// kubeletsFleet is the fleet as its kubelets see it.
type kubeletsFleet struct{ f *Fleet }

var _ kubelet.Fleet = kubeletsFleet{}

// Kubelets implements [kubelet.Fleet].
func (k kubeletsFleet) Kubelets() iter.Seq[*kubelet.Kubelet] {
	return func(yield func(*kubelet.Kubelet) bool) {
		for _, m := range k.f.machines() {
			if !yield(m.kubelet) {
				return
			}
		}
	}
}

// Node implements [kubelet.Fleet].
func (k kubeletsFleet) Node(name string) (*corev1.Node, error) { return k.f.node(name) }

// RulesWanted implements [kubelet.Fleet].
func (k kubeletsFleet) RulesWanted() { k.f.timers.Wake(&k.f.proxy) }

// Restoring implements [kubelet.Fleet].
func (k kubeletsFleet) Restoring() bool { return k.f.restored.active }
