package addon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/sim/timeline"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// requestTimeout bounds what is done for one object.
const requestTimeout = 10 * time.Second

// attempts is how often an object is written that others write at that moment.
const attempts = 3

// errTerminating says that an object is on its way out: only when it has gone
// can it be created again.
var errTerminating = errors.New("the object is being deleted")

// pass looks at everything that is marked. What fails stays marked; it ends when
// the API server does not answer.
func (r *Reconciler) pass(ctx context.Context) {
	r.passing.Lock()
	defer r.passing.Unlock()
	marks := r.takeMarked()
	for _, i := range r.ordered(marks) {
		err := r.settle(ctx, i, marks[i])
		if err == nil {
			delete(marks, i)
		} else if !answered(err) {
			break
		}
	}
	r.markAgain(marks)
}

// ordered is what is marked in the manifests' order, and then what is foreign.
func (r *Reconciler) ordered(marks map[id]mark) []id {
	var list []id
	for _, o := range slices.Concat(r.all(), r.granted) {
		if _, ok := marks[o.id]; ok {
			list = append(list, o.id)
		}
	}
	others := slices.DeleteFunc(slices.Collect(maps.Keys(marks)), func(i id) bool { return r.byID[i] != nil })
	slices.SortFunc(others, func(a, b id) int {
		return strings.Compare(a.gvr.Resource+"/"+a.name, b.gvr.Resource+"/"+b.name)
	})
	return append(list, others...)
}

// answered says whether an error is the API server's answer about an object.
func answered(err error) bool {
	if errors.Is(err, errTerminating) || errors.Is(err, errProtected) {
		return true
	}
	status := apierrors.APIStatus(nil)
	return errors.As(err, &status) && !apierrors.IsServiceUnavailable(err) && !apierrors.IsTimeout(err) &&
		!apierrors.IsServerTimeout(err) && !apierrors.IsTooManyRequests(err) && !apierrors.IsUnauthorized(err)
}

// settle makes one object as it should be. A refusal is told of once.
func (r *Reconciler) settle(ctx context.Context, i id, m mark) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var repair *Repair
	var err error
	for range attempts {
		repair, err = r.look(ctx, i, m)
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			break
		}
	}
	switch {
	case repair == nil:
	case err == nil:
		delete(r.said, i)
		repair.Restored = time.Now()
		r.note(*repair)
	case answered(err) && !apierrors.IsConflict(err) && r.said[i] != err.Error():
		r.said[i] = err.Error()
		repair.Err = err
		r.note(*repair)
	}
	return err
}

// look compares an object with what is wanted and restores it. It returns what
// had to be done, if anything, also when it failed.
func (r *Reconciler) look(ctx context.Context, i id, m mark) (*Repair, error) {
	o := r.byID[i]
	live, err := r.resource(i).Get(ctx, i.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && o == nil:
		return nil, nil
	case apierrors.IsNotFound(err):
		repair := m.repair(o, Deleted)
		if o.grant {
			repair.Needs = o.needs
			return repair, r.recreate(ctx, o)
		}
		return repair, r.create(ctx, o)
	case err != nil:
		return nil, err
	case o == nil:
		return r.remove(ctx, i, live, m)
	case o.keepsEdits:
		return nil, nil
	case live.GetDeletionTimestamp() != nil:
		return nil, errTerminating
	case o.grant:
		return r.regrant(ctx, o, live, m)
	}
	return r.restore(ctx, o, live, m)
}

// repair begins a repair of what was marked.
func (m mark) repair(o *object, change timeline.Verb) *Repair {
	at := m.at
	if !m.seen {
		at = time.Now()
	}
	return &Repair{Kind: o.kind, Namespace: o.id.namespace, Name: o.id.name, Change: change, Broken: at, Detected: at}
}

// edited completes a repair of an edit with what the object tells of it.
func (p *Repair) edited(accepted, live *unstructured.Unstructured, paths []path) {
	p.What = texts(paths)
	by, at := author(accepted, live, paths)
	p.By = by
	if !at.IsZero() && at.Before(p.Detected) {
		p.Broken = at
	}
}

// remove deletes somebody else's object that claims to be an add-on's.
func (r *Reconciler) remove(ctx context.Context, i id, live *unstructured.Unstructured, m mark) (*Repair, error) {
	if !foreign(live) || live.GetDeletionTimestamp() != nil {
		return nil, nil
	}
	repair := m.repair(&object{id: i, kind: live.GetKind()}, Foreign)
	repair.By = creator(live)
	if at := live.GetCreationTimestamp().Time; !at.IsZero() && at.Before(repair.Detected) {
		repair.Broken = at
	}
	err := r.delete(ctx, i, live)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return repair, err
}

func (r *Reconciler) delete(ctx context.Context, i id, live *unstructured.Unstructured) error {
	uid, background := live.GetUID(), metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background}
	if uid != "" {
		options.Preconditions = &metav1.Preconditions{UID: &uid}
	}
	return r.resource(i).Delete(ctx, i.name, options)
}

func (r *Reconciler) create(ctx context.Context, o *object) error {
	result, err := r.resource(o.id).Create(ctx, o.manifest.DeepCopy(), metav1.CreateOptions{FieldManager: FieldManager})
	if err == nil {
		r.wrote(o, result, o.lacks(result))
	}
	return err
}

// restore puts an object back as a whole if it differs from what the API server
// would make of our write.
func (r *Reconciler) restore(ctx context.Context, o *object, live *unstructured.Unstructured, m mark) (*Repair, error) {
	accepted := r.acceptedOf(o)
	if accepted != nil && len(o.changes(accepted, live)) == 0 {
		return nil, nil
	}
	expected, err := r.update(ctx, o, live, metav1.DryRunAll)
	var paths []path
	switch {
	case err == nil:
		paths = o.changes(expected, live)
		if len(paths) == 0 {
			r.accept(o, live)
			return nil, nil
		}
	case apierrors.IsInvalid(err):
		return r.replace(ctx, o, live, m)
	case !refusesDryRun(err):
		repair := m.repair(o, Edited)
		repair.edited(accepted, live, o.lacks(live))
		return repair, err
	}
	result, err := r.update(ctx, o, live)
	if err == nil {
		if paths == nil {
			paths = o.changes(result, live)
		}
		mutated := o.lacks(result)
		if accepted != nil {
			mutated = o.changes(accepted, result)
		}
		r.wrote(o, result, mutated)
		if len(paths) == 0 {
			return nil, nil
		}
	}
	repair := m.repair(o, Edited)
	repair.edited(accepted, live, paths)
	return repair, err
}

// replace deletes and creates an object that differs in what cannot be updated,
// such as the role of a binding.
func (r *Reconciler) replace(ctx context.Context, o *object, live *unstructured.Unstructured, m mark) (*Repair, error) {
	repair := m.repair(o, Edited)
	repair.edited(r.acceptedOf(o), live, o.lacks(live))
	if err := r.delete(ctx, o.id, live); err != nil && !apierrors.IsNotFound(err) {
		return repair, err
	}
	return repair, r.create(ctx, o)
}

func (r *Reconciler) update(ctx context.Context, o *object, live *unstructured.Unstructured, dryRun ...string) (*unstructured.Unstructured, error) {
	return r.resource(o.id).Update(ctx, o.over(live), metav1.UpdateOptions{FieldManager: FieldManager, DryRun: dryRun})
}

// refusesDryRun says whether a webhook with side effects stands in the way of a
// dry run. The API server has no reason of its own for that.
func refusesDryRun(err error) bool {
	return apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "does not support dry run")
}

func (r *Reconciler) acceptedOf(o *object) *unstructured.Unstructured {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted[o.id]
}

// wrote accepts the result of our own write. If that is something else than was
// wanted, it is told of once: to write it again would lead to the same.
func (r *Reconciler) wrote(o *object, result *unstructured.Unstructured, mutated []path) {
	r.accept(o, result)
	what := texts(mutated)
	if len(what) == 0 || slices.Equal(what, r.mutated[o.id]) {
		return
	}
	r.mutated[o.id] = what
	now := time.Now()
	r.note(Repair{Kind: o.kind, Namespace: o.id.namespace, Name: o.id.name, Change: Mutated, What: what, Broken: now, Detected: now, Restored: now})
}

// accept takes an object as the form in which the API server stores what we
// want.
func (r *Reconciler) accept(o *object, u *unstructured.Unstructured) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted[o.id] = u
	// The watch may have told of our write before its answer came.
	if m := r.marked[o.id]; m.seen && m.version == u.GetResourceVersion() {
		delete(r.marked, o.id)
	}
}
