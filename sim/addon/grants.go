package addon

import (
	"context"
	"time"

	"demarc/sim/timeline"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
	"k8s.io/component-helpers/auth/rbac/reconciliation"
)

// Loss is that a component of the control plane has lost a right that it needs.
type Loss struct {
	Kind, Namespace, Name string
	// Needs is the component, and Change Deleted or Edited.
	Needs  string
	Change timeline.Verb
	// Seen is when that was seen.
	Seen time.Time
}

// grant takes over what the API servers make at their start.
func (r *Reconciler) grant() error {
	if r.grants == nil {
		return nil
	}
	var list []*object
	for _, g := range r.grants() {
		o, err := grantObject(g)
		if err != nil {
			return err
		}
		list = append(list, o)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.granted {
		delete(r.byID, o.id)
	}
	r.granted = list
	for _, o := range list {
		r.byID[o.id] = o
	}
	return nil
}

// Lacks says whether a component of the control plane is without a right that it needs,
// as far as was seen.
func (r *Reconciler) Lacks(component string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.lost {
		if o := r.byID[i]; o != nil && o.needs == component {
			return true
		}
	}
	return false
}

// sought marks the grants of a kind that are not there, as soon as a watch has told what is.
func (r *Reconciler) sought(ctx context.Context, k kind, informer cache.SharedIndexInformer) {
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return
	}
	for _, o := range r.granted {
		if o.id.gvr != k.gvr {
			continue
		}
		if _, ok, err := informer.GetStore().GetByKey(cache.NewObjectName(o.id.namespace, o.id.name).String()); err == nil && !ok {
			r.seen(k, o.manifest, true)
		}
	}
}

// lose notes whether a grant that a watch told of gives its rights, and says whether it is
// to be looked at; the caller holds mu.
func (r *Reconciler) lose(o *object, u *unstructured.Unstructured, gone bool) (look bool) {
	l := lack{operation: reconciliation.ReconcileCreate, rights: true}
	if !gone {
		var err error
		if l, err = o.lack(u); err != nil {
			return true // whoever looks at it says why
		}
	}
	before := r.lost[o.id]
	if !l.rights {
		delete(r.lost, o.id)
	} else if r.lost[o.id] = true; !before && o.needs != "" {
		x := Loss{Kind: o.kind, Namespace: o.id.namespace, Name: o.id.name, Needs: o.needs, Change: Edited, Seen: time.Now()}
		if gone {
			x.Change = Deleted
		}
		r.losing(x)
	}
	if l.none() {
		delete(r.marked, o.id)
	}
	return !l.none()
}

// regrant puts a grant back that is there.
func (r *Reconciler) regrant(ctx context.Context, o *object, live *unstructured.Unstructured, m mark) (*Repair, error) {
	l, err := o.lack(live)
	if err != nil || l.none() {
		return nil, err
	}
	repair := m.repair(o, Edited)
	repair.edited(nil, live, l.paths)
	if l.rights {
		repair.Needs = o.needs
	}
	switch {
	case l.protected:
		return repair, errProtected
	case l.operation == reconciliation.ReconcileRecreate:
		if err := r.delete(ctx, o.id, live); err != nil && !apierrors.IsNotFound(err) {
			return repair, err
		}
		return repair, r.recreate(ctx, o)
	}
	_, err = r.resource(o.id).Update(ctx, l.want, metav1.UpdateOptions{FieldManager: FieldManager})
	return repair, err
}

// recreate creates a grant.
func (r *Reconciler) recreate(ctx context.Context, o *object) error {
	_, err := r.resource(o.id).Create(ctx, o.manifest.DeepCopy(), metav1.CreateOptions{FieldManager: FieldManager})
	return err
}
