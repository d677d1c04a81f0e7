// Package addon keeps the add-ons that the provider manages in a cluster, in
// namespace kube-system, as the provider wants them; and those that the customer has
// enabled ([Reconciler.Enable]), in theirs.
//
// [Reconciler.Prepare] and then [Reconciler.Install] create what a new cluster lacks. [Reconciler.Run] is a
// loop of the provider's leader: whoever deletes or edits an add-on sees it come
// back within [Period].
//
// The manifests are embedded. Each object has AKS's label
// addonmanager.kubernetes.io/mode. Reconcile means that it is put back as a whole:
// also a field that somebody added, and the number of replicas; what others wrote
// into status, labels and annotations stays. EnsureExists means that it is created
// if it is missing, and belongs to the customer otherwise. An object of somebody
// else's in kube-system that claims to be a part of the cluster by these labels is
// deleted, as AKS does. What the API servers make at their start, so that the components
// of Kubernetes may do their work, is put back by their own rule: see [Grant].
//
// Watches mark what differs. While something is marked, a pass on each whole
// multiple of [Period] compares it with the API server's own answer to our write,
// and writes. While nothing is marked, nothing runs.
package addon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"demarc/sim/clock"
	"demarc/sim/timeline"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// Period is the time between passes: what was marked is restored within it. It
// is that of aks-engine's addon manager; AKS does not publish its own.
const Period = 60 * time.Second

// FieldManager is the name under which the reconciler writes.
const FieldManager = "aks-addon-manager"

// Config is what a [Reconciler] is made of.
type Config struct {
	// Client has the provider's credentials.
	Client dynamic.Interface
	// Note is told of every repair, by the goroutine of [Reconciler.Run]. It may
	// be nil.
	Note func(Repair)
	// Grants are what the API servers make at their start, asked for at the beginning of
	// each [Reconciler.Run]; nil for none.
	Grants func() []Grant
	// Losing is told at once when a component of the control plane has lost a right. It
	// may be nil, and must not wait.
	Losing func(Loss)
}

// Changes, as a [Repair] names them.
const (
	// Deleted is an add-on's object that was missing and was created again.
	Deleted timeline.Verb = "deleted"
	// Edited is an add-on's object that was put back.
	Edited timeline.Verb = "edited"
	// Foreign is somebody else's object that claimed to be an add-on's, and was
	// deleted.
	Foreign timeline.Verb = "foreign"
	// Mutated is an object that the API server made something else of than what
	// was written, by a webhook for example. It is accepted as it is.
	Mutated timeline.Verb = "mutated"
)

// Repair is one change that was undone. One that the API server refuses is told
// of once with Err, and again when it has come about.
type Repair struct {
	Kind, Namespace, Name string
	// Needs is the component of the control plane that was without a right; empty if none
	// was.
	Needs string
	// Change is Deleted, Edited, Foreign or Mutated.
	Change timeline.Verb
	// What are the paths of the fields that were Edited or Mutated.
	What []string
	// By is the field manager that made the change, such as kubectl-edit; empty
	// if the object does not tell.
	By string
	// Broken is when the change was made, by the object itself, to the second,
	// or else when it was seen. Detected is when it was seen. Restored is when
	// it was undone; zero with Err.
	Broken, Detected, Restored time.Time
	// Err says why the API server refuses to undo it.
	Err error
}

// Reconciler keeps the add-ons of one cluster.
type Reconciler struct {
	client dynamic.Interface
	note   func(Repair)
	grants func() []Grant
	losing func(Loss)
	// optional are the objects of add-ons that customers enable, by the add-ons' names.
	optional map[string][]*object
	changed  chan struct{} // an add-on was enabled or disabled
	granted  []*object     // what the API servers have made; Run's
	wake     chan struct{} // something was marked
	// said and mutated are the refusals and the mutations that were told of.
	// They are Run's.
	said    map[id]string
	mutated map[id][]string

	// passing is held while objects are compared and written.
	passing sync.Mutex

	mu sync.Mutex
	// objects are those that are wanted, in the manifests' order.
	objects []*object
	byID    map[id]*object
	// lost are the grants that do not give their rights.
	lost map[id]bool
	// marked are the objects to look at in the next pass.
	marked map[id]mark
	// accepted is each object as the API server stores what we want.
	accepted map[id]*unstructured.Unstructured
}

// New makes a reconciler. It sends nothing.
func New(cfg Config) (*Reconciler, error) {
	if cfg.Client == nil {
		return nil, errors.New("add-ons: a client is missing")
	}
	objects, err := parse(manifests, "manifests")
	if err != nil {
		return nil, fmt.Errorf("manifests of the add-ons: %w", err)
	}
	routing, err := parse(manifests, "manifests/optional")
	if err != nil {
		return nil, fmt.Errorf("manifests of the add-ons that are enabled: %w", err)
	}
	for _, o := range routing {
		o.optional = true
	}
	autoscaled(routing)
	r := &Reconciler{
		client: cfg.Client, note: cfg.Note, grants: cfg.Grants, losing: cfg.Losing, objects: objects, byID: map[id]*object{}, lost: map[id]bool{},
		optional: map[string][]*object{AppRouting: routing}, changed: make(chan struct{}, 1), wake: make(chan struct{}, 1), said: map[id]string{}, mutated: map[id][]string{},
		marked: map[id]mark{}, accepted: map[id]*unstructured.Unstructured{},
	}
	if r.note == nil {
		r.note = func(Repair) {}
	}
	if r.losing == nil {
		r.losing = func(Loss) {}
	}
	for _, o := range objects {
		r.byID[o.id] = o
	}
	return r, nil
}

// Prepare creates what is missing of all that runs nothing itself: call it before
// the nodes join, which need some of it.
func (r *Reconciler) Prepare(ctx context.Context) error {
	return r.createAll(ctx, func(o *object) bool { return !o.runsPods() })
}

// Install creates what is missing of the rest, after [Reconciler.Prepare]. What is
// there stays as it is.
func (r *Reconciler) Install(ctx context.Context) error {
	return r.createAll(ctx, (*object).runsPods)
}

func (o *object) runsPods() bool { return o.kind == "Deployment" || o.kind == "DaemonSet" }

func (r *Reconciler) createAll(ctx context.Context, wanted func(*object) bool) error {
	for _, o := range r.all() {
		if !wanted(o) {
			continue
		}
		if err := r.install(ctx, o); err != nil {
			return fmt.Errorf("%s %s: %w", o.kind, o.id.name, err)
		}
	}
	return nil
}

func (r *Reconciler) install(ctx context.Context, o *object) error {
	// Asked first, because a Service whose address is taken, by itself, is
	// refused as invalid before it is found to exist.
	live, err := r.resource(o.id).Get(ctx, o.id.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		_, err = r.resource(o.id).Create(ctx, o.manifest.DeepCopy(), metav1.CreateOptions{FieldManager: FieldManager})
	case err == nil && o.kind == "Namespace" && live.GetLabels()[modeLabel] == "":
		// The API server has made it, without our labels.
		_, err = r.resource(o.id).Update(ctx, o.over(live), metav1.UpdateOptions{FieldManager: FieldManager})
	}
	return err
}

// Run restores what is deleted or edited, until ctx ends. All its goroutines end
// with it. It may run again afterwards, but not twice at once: then everything is
// compared anew. It fails only if it cannot begin.
func (r *Reconciler) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.keep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// keep does so until ctx ends, or until an add-on is enabled or disabled.
func (r *Reconciler) keep(ctx context.Context) error {
	r.reset()
	if err := r.grant(); err != nil {
		return fmt.Errorf("what the API servers grant: %w", err)
	}
	var watches sync.WaitGroup
	defer watches.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := kinds(slices.Concat(r.base(), r.granted))
	for _, k := range slices.Concat(watched, r.optionalKinds(watched)) {
		informer, err := r.watch(k)
		if err != nil {
			return fmt.Errorf("watch %s: %w", k.gvr.Resource, err)
		}
		watches.Go(func() { informer.RunWithContext(ctx) })
		watches.Go(func() { r.sought(ctx, k, informer) })
	}
	for {
		for !r.isMarked() {
			select {
			case <-ctx.Done():
				return nil
			case <-r.changed:
				return nil
			case <-r.wake:
			}
		}
		if !clock.Sleep(ctx, clock.UntilTick(time.Now(), Period)) {
			return nil
		}
		r.pass(ctx)
		select {
		case <-r.changed:
			return nil
		default:
		}
	}
}

// resource is the client of an object's kind.
func (r *Reconciler) resource(i id) dynamic.ResourceInterface {
	if i.namespace == "" {
		return r.client.Resource(i.gvr)
	}
	return r.client.Resource(i.gvr).Namespace(i.namespace)
}
