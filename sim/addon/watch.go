package addon

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// watchSeconds is how long a watch lasts. By default informers begin anew every
// few minutes, which costs requests on a day without events.
const watchSeconds int64 = 24 * 60 * 60

// mark says since when an object is to be looked at.
type mark struct {
	at time.Time
	// seen says that a watch told of it; otherwise it is looked at because
	// nothing is known of it.
	seen bool
	// version is the newest version of the object that was seen.
	version string
}

// reset forgets what is known of the cluster, so that everything is looked at.
func (r *Reconciler) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.accepted)
	clear(r.marked)
	for _, o := range r.objects {
		r.marked[o.id] = mark{at: time.Now()}
	}
}

// watch makes the informer of a kind.
func (r *Reconciler) watch(k kind) (cache.SharedIndexInformer, error) {
	informer := dynamicinformer.NewFilteredDynamicInformer(r.client, k.gvr, k.namespace, 0, cache.Indexers{}, func(o *metav1.ListOptions) {
		if k.labelled {
			o.LabelSelector = modeLabel
		}
		longWatch(o)
	}).Informer()
	if err := informer.SetTransform(slim); err != nil {
		return nil, err
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { r.seen(k, obj, false) },
		UpdateFunc: func(_, obj any) { r.seen(k, obj, false) },
		DeleteFunc: func(obj any) { r.seen(k, obj, true) },
	})
	return informer, err
}

// longWatch has a watch last. A list has no time.
func longWatch(o *metav1.ListOptions) {
	if o.TimeoutSeconds != nil {
		seconds := watchSeconds
		o.TimeoutSeconds = &seconds
	}
}

// slim drops what nobody here reads in the informers' memory. It changes a copy:
// a client may have shared the object with somebody else.
func slim(obj any) (any, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return obj, nil
	}
	c := u.DeepCopy()
	c.SetManagedFields(nil)
	unstructured.RemoveNestedField(c.Object, "status")
	return c, nil
}

// seen takes an object from a watch and marks it if it is not as it should be.
func (r *Reconciler) seen(k kind, obj any, gone bool) {
	if d, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = d.Obj
	}
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return
	}
	i := id{k.gvr, u.GetNamespace(), u.GetName()}
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.byID[i]
	switch {
	case o == nil && (gone || !foreign(u)):
		return
	case o != nil && o.grant:
		if !r.lose(o, u, gone) {
			return
		}
	case o != nil && !gone && o.keepsEdits:
		return
	case o != nil && !gone && r.accepted[i] != nil && len(o.changes(r.accepted[i], u)) == 0:
		return
	}
	m := r.marked[i]
	if !m.seen || gone { // whatever it was marked for before it was there
		m = mark{at: time.Now(), seen: true}
	}
	m.version = u.GetResourceVersion()
	r.marked[i] = m
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Reconciler) isMarked() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.marked) > 0
}

// takeMarked takes all marks away; what is marked from then on is for the next
// pass.
func (r *Reconciler) takeMarked() map[id]mark {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.marked
	r.marked = map[id]mark{}
	return m
}

// markAgain puts marks back.
func (r *Reconciler) markAgain(marks map[id]mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, m := range marks {
		r.marked[i] = m
	}
}
