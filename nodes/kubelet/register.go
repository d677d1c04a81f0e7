package kubelet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"demarc/sim/timeline"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// nodeWork is what is to be written of a machine, taken under the lock.
type nodeWork struct {
	register, lease, status, problems, drivers bool

	held *coordinationv1.Lease
	uid  types.UID
	boot string
}

func (ks *Kubelets) takeNodeWork(k *Kubelet) (w nodeWork, ok bool) {
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	w = nodeWork{problems: k.problemsDue && k.npd, held: k.lease, uid: k.uid, boot: k.bootID()}
	switch {
	case k.Connected() && (ks.online || ks.isScout(k)):
		w.register, w.lease, w.status = !k.Registered, k.leaseDue, k.statusDue
		w.drivers = k.driversDue || w.register
		return w, true
	case k.m.Online() && ks.online:
		return w, w.problems
	}
	return w, false
}

// writeMachine writes what is to be written of a machine: its Node, its lease,
// its status and its events.
func (ks *Kubelets) writeMachine(ctx context.Context, k *Kubelet) error {
	w, ok := ks.takeNodeWork(k)
	if !ok {
		return nil
	}
	if w.register {
		uid, err := ks.register(ctx, k, w.boot)
		if err != nil {
			return err
		}
		w.uid = uid
	}
	if w.lease {
		if err := ks.renew(ctx, k, w); err != nil {
			return err
		}
	}
	ks.Lock.Lock()
	ks.setOnline(true)
	ks.Lock.Unlock()
	if w.status {
		if err := ks.reportStatus(ctx, k, w.boot); err != nil {
			return err
		}
	}
	if w.problems {
		if err := ks.reportProblems(ctx, k); err != nil {
			return err
		}
	}
	about := corev1.ObjectReference{Kind: "Node", APIVersion: "v1", Name: k.m.Name, UID: w.uid}
	err := ks.sendEvents(ctx, k.m.Name, &k.events, about)
	if w.drivers {
		err = errors.Join(err, ks.publishDrivers(ctx, k, w.uid))
	}
	return err
}

// ImageLabel is the label of a Node that names its node image.
const ImageLabel = "kubernetes.azure.com/node-image-version"

// register makes the machine's Node, or finds the one it made before, which may
// be of another node image.
func (ks *Kubelets) register(ctx context.Context, k *Kubelet, boot string) (types.UID, error) {
	ctx, cancel := request(ctx)
	defer cancel()
	client := ks.Client.CoreV1().Nodes()
	ks.Lock.Lock()
	object := k.node(time.Now(), boot)
	ks.Lock.Unlock()
	node, err := client.Create(ctx, object, metav1.CreateOptions{})
	fresh := err == nil
	if apierrors.IsAlreadyExists(err) {
		node, err = client.Get(ctx, k.m.Name, metav1.GetOptions{})
	}
	var patch []byte
	if err == nil {
		patch, err = nodePatch(k.m, node, object)
	}
	if err == nil && patch != nil {
		_, err = client.Patch(ctx, k.m.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	}
	if err != nil {
		return "", fmt.Errorf("register node %s: %w", k.m.Name, err)
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	k.Registered, k.uid, k.driversDue = true, node.UID, true
	k.statusDue = !fresh || k.untold()
	if fresh {
		now := time.Now()
		k.reported = now.Add(-k.spread())
		k.events.add(now, normal, "NodeReady", "Node "+k.m.Name+" status is now: NodeReady", "")
		ks.Log.Append(timeline.Event{
			Time: now, Actor: timeline.Node, Verb: "registered", Subject: "node/" + k.m.Name, Cause: k.m.Root.Seq,
			Message: "the kubelet registered the node",
		})
		ks.Timers.Wake(k.item)
	}
	return node.UID, nil
}

// renew renews the machine's lease, or makes it.
func (ks *Kubelets) renew(ctx context.Context, k *Kubelet, w nodeWork) error {
	ctx, cancel := request(ctx)
	defer cancel()
	client := ks.Client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	lease := w.held
	var err error
	if lease == nil {
		lease, err = client.Get(ctx, k.m.Name, metav1.GetOptions{})
	}
	if err == nil {
		lease = lease.DeepCopy()
		setLease(lease, k.m.Name, time.Now())
		lease, err = client.Update(ctx, lease, metav1.UpdateOptions{})
	}
	if apierrors.IsNotFound(err) && !w.register && k.Deleted() {
		ks.Lock.Lock()
		defer ks.Lock.Unlock()
		k.lease, k.leaseDue = nil, false
		return nil // a kubelet without a Node has nothing to renew
	}
	if apierrors.IsNotFound(err) {
		lease, err = client.Create(ctx, newLease(k.m.Name, w.uid, time.Now()), metav1.CreateOptions{})
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	if err != nil {
		k.lease = nil // read it anew
		return fmt.Errorf("renew lease of node %s: %w", k.m.Name, err)
	}
	k.lease, k.leaseDue = lease, false
	return nil
}

func newLease(node string, uid types.UID, now time.Time) *coordinationv1.Lease {
	l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: node, Namespace: corev1.NamespaceNodeLease,
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node, UID: uid}},
	}}
	setLease(l, node, now)
	return l
}

func setLease(l *coordinationv1.Lease, node string, now time.Time) {
	seconds := int32(leaseDuration / time.Second)
	renewed := metav1.NewMicroTime(now)
	l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds, l.Spec.RenewTime = &node, &seconds, &renewed
}

// reportStatus writes the Node's status, if there still is a Node.
func (ks *Kubelets) reportStatus(ctx context.Context, k *Kubelet, boot string) error {
	now := time.Now()
	var was, is map[corev1.NodeConditionType]corev1.ConditionStatus
	var inUse []corev1.UniqueVolumeName
	err := ks.patchNode(ctx, k, func(node *corev1.Node) ([]byte, error) {
		ks.Lock.Lock()
		status := k.status(now, boot, node.Status.Conditions)
		inUse = k.volumesInUse(node.Status.VolumesInUse)
		ks.Lock.Unlock()
		status.VolumesInUse, status.VolumesAttached = inUse, node.Status.VolumesAttached // which is the attach-detach controller's
		was, is = statuses(node.Status.Conditions), statuses(status.Conditions)
		return twoWayPatch(corev1.Node{Status: node.Status}, corev1.Node{Status: status}, corev1.Node{})
	})
	if err != nil {
		return fmt.Errorf("report status of node %s: %w", k.m.Name, err)
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	k.reported = now
	if was != nil {
		k.volumesTold(inUse)
	}
	if k.statusDue = was != nil && k.untold(); k.statusDue { // they have changed meanwhile
		ks.Timers.Wake(k.item)
	}
	k.tellChanges(now, was, is)
	return nil
}

// patchNode patches the status of a kubelet's Node, if there still is a Node and there
// is something to change.
func (ks *Kubelets) patchNode(ctx context.Context, k *Kubelet, change func(*corev1.Node) ([]byte, error)) error {
	ctx, cancel := request(ctx)
	defer cancel()
	client := ks.Client.CoreV1().Nodes()
	node, err := client.Get(ctx, k.m.Name, metav1.GetOptions{})
	var patch []byte
	if err == nil {
		patch, err = change(node)
	}
	if err == nil && patch != nil {
		_, err = client.Patch(ctx, k.m.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// statuses are the statuses of conditions by their types.
func statuses(conditions []corev1.NodeCondition) map[corev1.NodeConditionType]corev1.ConditionStatus {
	out := map[corev1.NodeConditionType]corev1.ConditionStatus{}
	for _, c := range conditions {
		out[c.Type] = c.Status
	}
	return out
}

// tellChanges makes the events of a node whose conditions have changed
// (kubernetes 1.37, pkg/kubelet/nodestatus/setters.go).
func (k *Kubelet) tellChanges(now time.Time, was, is map[corev1.NodeConditionType]corev1.ConditionStatus) {
	tell := func(condition corev1.NodeConditionType, yes, no string) {
		reason := yes
		if is[condition] != corev1.ConditionTrue {
			reason = no
		}
		if was[condition] != is[condition] {
			k.events.add(now, normal, reason, "Node "+k.m.Name+" status is now: "+reason, "")
			k.ks.Timers.Wake(k.item)
		}
	}
	tell(corev1.NodeReady, "NodeReady", "NodeNotReady")
	tell(corev1.NodeDiskPressure, "NodeHasDiskPressure", "NodeHasNoDiskPressure")
	tell(corev1.NodeMemoryPressure, "NodeHasInsufficientMemory", "NodeHasSufficientMemory")
}

// reportProblems writes the conditions of the node problem detector.
func (ks *Kubelets) reportProblems(ctx context.Context, k *Kubelet) error {
	err := ks.patchNode(ctx, k, func(node *corev1.Node) ([]byte, error) {
		ks.Lock.Lock()
		conditions := k.problems(time.Now(), node.Status.Conditions)
		ks.Lock.Unlock()
		return changedConditions(node.Status.Conditions, conditions)
	})
	if err != nil {
		return fmt.Errorf("report problems of node %s: %w", k.m.Name, err)
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	k.problemsDue = false
	return nil
}

// changedConditions is the patch that changes conditions of a node; nil if they
// are so already.
func changedConditions(before, after []corev1.NodeCondition) ([]byte, error) {
	was := statuses(before)
	changed := slices.DeleteFunc(after, func(c corev1.NodeCondition) bool { return was[c.Type] == c.Status })
	if len(changed) == 0 {
		return nil, nil
	}
	return json.Marshal(map[string]any{"status": map[string]any{"conditions": changed}})
}

// Deleted says whether somebody deleted the Node of the machine. Its kubelet
// makes it again only when it restarts.
func (k *Kubelet) Deleted() bool {
	_, err := k.ks.Node(k.m.Name)
	return apierrors.IsNotFound(err)
}

// disputed says whether the API server believes something else of the node than
// its kubelet does. The lock is held.
func (k *Kubelet) disputed(now time.Time) bool {
	n, err := k.ks.Node(k.m.Name)
	if err != nil || n.UID != k.uid {
		return false
	}
	told := statuses(n.Status.Conditions)
	for _, c := range k.conditions(now) {
		if told[c.Type] != c.Status {
			return true
		}
	}
	if !slices.Equal(n.Status.VolumesInUse, k.inUse) && k.knowsVolumes() {
		return true
	}
	if late := k.plegLate(now); late != k.plegTold {
		k.plegTold = late
		return true
	}
	return false
}
