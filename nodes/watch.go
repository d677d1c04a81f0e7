package nodes

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
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
var ErrNotSynced = errors.New("what the API server has was not read yet: the cluster is starting")

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
	f.wake(&f.proxy)
}

// podSeen takes a new or changed pod from the API server. In the first list are
// pods that were on the machines before the fleet was made.
func (f *Fleet) podSeen(obj any, first bool) {
	api, ok := obj.(*corev1.Pod)
	if !ok || api.Spec.NodeName == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.pods[api.UID]; p != nil {
		p.latest, p.gone, p.vanished = api, false, false
		p.rebase(api)
		p.observe()
		return
	}
	m := f.named(api.Spec.NodeName)
	if m == nil || m.stopped == deleted {
		return // some other machine's
	}
	p := newPod(f, m, api)
	f.pods[p.uid] = p
	m.pods[p.uid] = p
	if p.namespace == "kube-system" && api.Labels["app"] == "konnectivity-agent" {
		f.agents[p.uid] = p
	}
	if len(api.Status.ContainerStatuses) > 0 || len(api.Status.InitContainerStatuses) > 0 || terminal(api.Status.Phase) {
		now := time.Now()
		p.adopt(now)
		if !first {
			p.lose(now)
		}
	}
	f.wake(p)
}

// podGone takes the end of a pod from the API server. After a restore, pods that
// are merely missing from the list go on for a while.
func (f *Fleet) podGone(obj any) {
	d, missing := obj.(cache.DeletedFinalStateUnknown)
	if missing {
		obj = d.Obj
	}
	api, ok := obj.(*corev1.Pod)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pods[api.UID]
	if p == nil {
		return
	}
	if missing && f.restored.active {
		p.vanished = true
		f.restored.vanished = append(f.restored.vanished, api)
		return
	}
	p.latest, p.gone = api, true
	p.observe()
}

// sortedPods is every pod, by namespace and name. The lock is held.
func (f *Fleet) sortedPods() []*pod {
	out := make([]*pod, 0, len(f.pods))
	for _, p := range f.pods {
		out = append(out, p)
	}
	slices.SortFunc(out, comparePods)
	return out
}

func comparePods(a, b *pod) int {
	return strings.Compare(a.namespace+"/"+a.name+"/"+string(a.uid), b.namespace+"/"+b.name+"/"+string(b.uid))
}

// podNamed finds a pod; of two with the same name, the one that is not gone.
// The lock is held.
func (f *Fleet) podNamed(namespace, name string) *pod {
	var found *pod
	for _, p := range f.pods {
		if p.namespace == namespace && p.name == name && (found == nil || !p.gone) {
			found = p
		}
	}
	return found
}
