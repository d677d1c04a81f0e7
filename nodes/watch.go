package nodes

import (
	"context"
	"net/http"
	"sync/atomic"

	"demarc/nodes/kubelet"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// objects are what the API server has, as one set of informers tells the whole fleet.
type objects struct {
	informers informers.SharedInformerFactory
	nodes     corelisters.NodeLister
	podsSeen  cache.InformerSynced // the pods of the first list were
	synced    atomic.Bool          // the informers have read the API server's state once
}

func newObjects(client kubernetes.Interface) *objects {
	all := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(slim))
	return &objects{informers: all, nodes: all.Core().V1().Nodes().Lister()}
}

// watch has the informers tell the fleet what they hear.
func (f *Fleet) watch() {
	pods := f.informers.Core().V1().Pods().Informer()
	// Adding a handler to an informer that has not started cannot fail.
	seen, _ := pods.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc:    f.podSeen,
		UpdateFunc: func(_, obj any) { f.podSeen(obj, false) },
		DeleteFunc: f.podGone,
	})
	f.podsSeen = seen.HasSynced
	f.watchPolicies(pods)
	f.watchEvents()
	changed := func(any) { f.proxy.rulesChanged() }
	for _, i := range []cache.SharedIndexInformer{
		f.informers.Core().V1().Services().Informer(), f.informers.Discovery().V1().EndpointSlices().Informer(),
	} {
		_, _ = i.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }, DeleteFunc: changed,
		})
	}
}

// Synced is [ErrNotSynced] as long as the fleet has not read what the API server
// has: until then it knows of no pod, and so of no container.
func (f *objects) Synced() error {
	if !f.synced.Load() {
		return ErrNotSynced
	}
	return nil
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
	case *networkingv1.NetworkPolicy:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	case *corev1.Namespace:
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
func (s *proxySync) awaitSync(ctx context.Context) {
	read := []cache.InformerSynced{
		s.podsSeen, s.informers.Core().V1().Nodes().Informer().HasSynced,
		s.informers.Core().V1().Services().Informer().HasSynced,
		s.informers.Discovery().V1().EndpointSlices().Informer().HasSynced,
	}
	if s.cfg.NetworkPolicy.Enforces() {
		read = append(read, s.informers.Networking().V1().NetworkPolicies().Informer().HasSynced, s.informers.Core().V1().Namespaces().Informer().HasSynced)
	}
	if !cache.WaitForCacheSync(ctx.Done(), read...) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.synced.Store(true)
	s.stale, s.policy.stale = true, true
	s.timers.Wake(s)
}

// podSeen takes a new or changed pod from the API server.
func (f *scaleSet) podSeen(obj any, first bool) {
	pod, ok := obj.(*corev1.Pod)
	if !ok || pod.Spec.NodeName == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var k *kubelet.Kubelet
	if m := f.named(pod.Spec.NodeName); m != nil && !m.deleted() {
		k = m.kubelet
	}
	f.kubelets.Seen(k, pod, first)
}

// podGone takes the end of a pod from the API server.
func (f *scaleSet) podGone(obj any) {
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
func (f *objects) NodeObjects() ([]*corev1.Node, error) {
	if err := f.Synced(); err != nil {
		return nil, err
	}
	return f.nodes.List(labels.Everything())
}

// node is one of them.
func (f *objects) node(name string) (*corev1.Node, error) {
	if err := f.Synced(); err != nil {
		return nil, err
	}
	return f.nodes.Get(name)
}

// services are those of a namespace.
func (f *objects) services(namespace string) []*corev1.Service {
	list, _ := f.informers.Core().V1().Services().Lister().Services(namespace).List(labels.Everything()) // never fails
	return list
}

// eachKubelet is the kubelets of the machines, by the machines' indices.
func (f *scaleSet) eachKubelet(yield func(*kubelet.Kubelet) bool) {
	for _, m := range f.machines() {
		if !yield(m.kubelet) {
			return
		}
	}
}
