package kubelet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"demarc/nodes/timers"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// requestTimeout bounds one request of a node: how long a kubelet lets a
// request hang (kubernetes 1.37, pkg/kubelet/kubelet.go: the lease client's
// timeout is a quarter of the lease).
const requestTimeout = 10 * time.Second

// job is something to be written to the API server: a node's, or a pod's.
type job struct {
	node *Kubelet // for a node's own objects
	pod  types.UID
}

// write does jobs until the queue is shut down.
func (ks *Kubelets) write(ctx context.Context) {
	for {
		j, shutdown := ks.writes.Get()
		if shutdown {
			return
		}
		if ctx.Err() == nil {
			ks.do(ctx, j)
		}
		ks.writes.Done(j)
	}
}

func (ks *Kubelets) do(ctx context.Context, j job) {
	if k := j.node; k != nil {
		ks.settle(&k.retry, k.item, ks.writeMachine(WithIdentity(ctx, k.m.Name), k))
		return
	}
	ks.Lock.Lock()
	p := ks.pods[j.pod]
	ks.Lock.Unlock()
	if p != nil {
		ks.settle(&p.retry, p, ks.writePod(WithIdentity(ctx, p.k.m.Name), p))
	}
}

// settle learns from a job's outcome whether the API server answers, and plans
// the next try of what it refused.
func (ks *Kubelets) settle(r *retry, it timers.Item, err error) {
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	switch {
	case err == nil:
		*r = retry{}
	case ks.ctx.Err() != nil:
	case outage(err):
		ks.setOnline(false)
	default:
		ks.setOnline(true) // it answers, if not as one likes
		r.fail(time.Now())
		ks.Timers.Wake(it) // which plans the next try
	}
}

// outage says whether an error means that the API server does not answer, or
// cannot do its work, rather than that it refuses.
func outage(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	code := status.Status().Code
	return code >= 500 || code == 429 || code == 0
}

// request bounds one request.
func request(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, requestTimeout)
}

// flush lets what the API server is to hear of a pod be written, if it can be.
func (p *pod) flush() {
	if !p.dirty && !p.want && !p.events.pending() && !p.mayDelete() {
		return
	}
	if !p.k.Connected() || !p.k.ks.online {
		return // rejoin or setOnline calls again
	}
	if now := time.Now(); !p.retry.allows(now) {
		p.at(p.retry.at)
		return
	}
	p.k.ks.writes.Add(job{pod: p.uid})
}

// mayDelete says whether the API's object may go: the pod is over, and the API
// server knows how it ended.
func (p *pod) mayDelete() bool {
	return p.over && !p.removed && p.spec.DeletionTimestamp != nil && p.status != nil && !p.dirty
}

// rebase takes the API's object as what the next patch starts from, unless it
// is older than what the last patch returned. If somebody else has changed a
// condition that is the kubelet's to say, it says it again: the node lifecycle
// controller marks the pods of a silent node as not ready, and nobody but the
// kubelet takes that back (kubernetes 1.37, pkg/kubelet/status: needsReconcile).
func (p *pod) rebase(api *corev1.Pod) {
	if !newer(api.ResourceVersion, p.base.ResourceVersion) {
		return
	}
	p.base = api
	if p.status != nil && contradicts(&api.Status, p.status) {
		p.dirty = true
	}
}

// contradicts says whether the API's status has another value for one of the
// conditions that the kubelet has published.
func contradicts(api, own *corev1.PodStatus) bool {
	for _, mine := range own.Conditions {
		for _, theirs := range api.Conditions {
			if mine.Type == theirs.Type && mine.Type != corev1.PodScheduled && mine.Status != theirs.Status {
				return true
			}
		}
	}
	return false
}

// newer compares resource versions, which are increasing numbers.
func newer(a, b string) bool {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	return errX != nil || errY != nil || x >= y
}

// podWork is what is to be written of a pod, taken under the lock.
type podWork struct {
	base   *corev1.Pod
	spec   *corev1.Pod
	status *corev1.PodStatus // nil if it is known
	config bool              // is wanted
	delete bool
}

func (ks *Kubelets) takeWork(p *pod) (w podWork, ok bool) {
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	if !p.k.Connected() || !ks.online {
		return w, false
	}
	w.base, w.delete = p.base, p.mayDelete()
	if p.dirty {
		w.status = p.status
	}
	w.config, w.spec = p.want, p.spec
	if w.config {
		p.news = false
	}
	return w, true
}

// writePod writes what is to be written of a pod. What one request could not do
// keeps no other from being tried.
func (ks *Kubelets) writePod(ctx context.Context, p *pod) error {
	w, ok := ks.takeWork(p)
	if !ok {
		return nil
	}
	about := corev1.ObjectReference{
		Kind: "Pod", APIVersion: "v1", Namespace: p.namespace, Name: p.name, UID: p.uid, ResourceVersion: w.base.ResourceVersion,
	}
	errs := []error{ks.sendEvents(ctx, p.k.m.Name, &p.events, about)}
	if w.status != nil {
		errs = append(errs, ks.patchStatus(ctx, p, w.base, w.status))
	}
	if w.config {
		errs = append(errs, ks.fetchConfig(ctx, p, w.spec))
	}
	if w.delete {
		errs = append(errs, ks.deletePod(ctx, p))
	}
	return errors.Join(errs...)
}

// fetchConfig looks up a pod's ConfigMaps, Secrets, claims and certificates.
func (ks *Kubelets) fetchConfig(ctx context.Context, p *pod, spec *corev1.Pod) error {
	ctx, cancel := request(ctx)
	defer cancel()
	objects, err := ks.lookUp(ctx, p.namespace, podRefs(spec))
	if err != nil {
		return err
	}
	claims, err := ks.lookUpClaims(ctx, p, spec)
	if err != nil {
		return err
	}
	noClass, err := ks.lookUpClass(ctx, p, spec)
	if err != nil {
		return err
	}
	credentials, err := ks.lookUpCredentials(ctx, p, spec)
	ks.Lock.Lock()
	p.config.renewing(credentials, time.Now())
	if err != nil {
		ks.Lock.Unlock()
		return err // what else there is comes with the next try
	}
	p.want = p.news
	p.config.takeClaims(claims)
	p.config.objects, p.config.noClass = objects, noClass
	p.config.version++
	p.hold()
	p.reproject(time.Now())
	ks.Timers.Wake(p)
	grows := p.grows()
	ks.Lock.Unlock()
	if !grows {
		return nil
	}
	return ks.expand(ctx, p)
}

// patchStatus writes a pod's status as a kubelet does: a patch that names the
// pod's UID, so that it cannot hit another pod of the same name.
func (ks *Kubelets) patchStatus(ctx context.Context, p *pod, base *corev1.Pod, status *corev1.PodStatus) error {
	patch, err := statusPatch(base, status)
	if err != nil {
		return err
	}
	ctx, cancel := request(ctx)
	defer cancel()
	api, err := ks.Client.CoreV1().Pods(p.namespace).Patch(ctx, p.name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("patch status of pod %s/%s: %w", p.namespace, p.name, err)
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	if p.status == status {
		p.dirty = false
	}
	if err == nil {
		p.rebase(api)
	}
	ks.Timers.Wake(p) // to delete it, or to write what changed meanwhile
	return nil
}

// statusPatch is the patch from what the API server has to a new status.
func statusPatch(base *corev1.Pod, status *corev1.PodStatus) ([]byte, error) {
	type object struct {
		Metadata struct {
			UID types.UID `json:"uid,omitempty"`
		} `json:"metadata"`
		Status corev1.PodStatus `json:"status"`
	}
	var from, to object
	from.Status, to.Status = base.Status, keepOthers(base.Status, *status)
	to.Metadata.UID = base.UID
	return twoWayPatch(from, to, corev1.Pod{})
}

// twoWayPatch is the patch from an object's old status to its new one.
func twoWayPatch(from, to, kind any) ([]byte, error) {
	a, err := json.Marshal(from)
	if err != nil {
		return nil, fmt.Errorf("encode the old status: %w", err)
	}
	b, err := json.Marshal(to)
	if err != nil {
		return nil, fmt.Errorf("encode the new status: %w", err)
	}
	return strategicpatch.CreateTwoWayMergePatch(a, b, kind)
}

// keepOthers leaves in a new status what is not a kubelet's to change.
func keepOthers(old, status corev1.PodStatus) corev1.PodStatus {
	own := slices.DeleteFunc(slices.Clone(status.Conditions), func(c corev1.PodCondition) bool { return !isKubelets(c) })
	status.Conditions = append(slices.DeleteFunc(slices.Clone(old.Conditions), isKubelets), own...)
	status.QOSClass = old.QOSClass
	status.NominatedNodeName = old.NominatedNodeName
	status.ResourceClaimStatuses = old.ResourceClaimStatuses
	status.ExtendedResourceClaimStatus = old.ExtendedResourceClaimStatus
	return status
}

// deletePod is the last word of a kubelet on a pod: the API server may drop it.
func (ks *Kubelets) deletePod(ctx context.Context, p *pod) error {
	ctx, cancel := request(ctx)
	defer cancel()
	err := ks.Client.CoreV1().Pods(p.namespace).Delete(ctx, p.name, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64),
		Preconditions:      metav1.NewUIDPreconditions(string(p.uid)),
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete pod %s/%s: %w", p.namespace, p.name, err)
	}
	return nil
}

// sendEvents writes what a queue has to say. An event that the API server
// refuses is dropped, as by a kubelet; during an outage the rest waits.
func (ks *Kubelets) sendEvents(ctx context.Context, node string, q *eventQueue, about corev1.ObjectReference) error {
	ks.Lock.Lock()
	events := q.take()
	ks.Lock.Unlock()
	for i := range events {
		err := ks.sendEvent(ctx, node, q, about, &events[i])
		if err == nil || !outage(err) {
			continue
		}
		ks.Lock.Lock()
		defer ks.Lock.Unlock()
		for _, e := range events[i:] {
			if left := q.find(e.eventKey); left != nil {
				left.due = true
			}
		}
		return fmt.Errorf("write event of %s %s: %w", about.Kind, about.Name, err)
	}
	return nil
}

func (ks *Kubelets) sendEvent(ctx context.Context, node string, q *eventQueue, about corev1.ObjectReference, e *event) error {
	ctx, cancel := request(ctx)
	defer cancel()
	o := e.object(node, about)
	client := ks.Client.CoreV1().Events(o.Namespace)
	if e.name != "" {
		patch, err := json.Marshal(map[string]any{"count": e.count, "lastTimestamp": o.LastTimestamp})
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		_, err = client.Patch(ctx, e.name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
		if !apierrors.IsNotFound(err) {
			return err
		}
	}
	made, err := client.Create(ctx, o, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		made, err = o, nil
	}
	if err != nil {
		return err
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	if said := q.find(e.eventKey); said != nil {
		said.name = made.Name
	}
	return nil
}
