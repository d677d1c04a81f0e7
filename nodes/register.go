package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"demarc/sim/timeline"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// nodeWork is what is to be written of a machine, taken under the lock.
type nodeWork struct {
	register, lease, status, problems bool

	held *coordinationv1.Lease
	uid  types.UID
	boot string
}

func (f *Fleet) takeNodeWork(m *machine) (w nodeWork, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w = nodeWork{problems: m.problemsDue && m.npd, held: m.lease, uid: m.uid, boot: m.bootID()}
	switch {
	case m.connected() && (f.online || f.isScout(m)):
		w.register, w.lease, w.status = !m.registered, m.leaseDue, m.statusDue
		return w, true
	case m.online() && f.online:
		return w, w.problems
	}
	return w, false
}

// writeMachine writes what is to be written of a machine: its Node, its lease,
// its status and its events.
func (f *Fleet) writeMachine(ctx context.Context, m *machine) error {
	w, ok := f.takeNodeWork(m)
	if !ok {
		return nil
	}
	if w.register {
		uid, err := f.register(ctx, m, w.boot)
		if err != nil {
			return err
		}
		w.uid = uid
	}
	if w.lease {
		if err := f.renew(ctx, m, w); err != nil {
			return err
		}
	}
	f.mu.Lock()
	f.setOnline(true)
	f.mu.Unlock()
	if w.status {
		if err := f.reportStatus(ctx, m, w.boot); err != nil {
			return err
		}
	}
	if w.problems {
		if err := f.reportProblems(ctx, m); err != nil {
			return err
		}
	}
	about := corev1.ObjectReference{Kind: "Node", APIVersion: "v1", Name: m.name, UID: w.uid}
	return f.sendEvents(ctx, m.name, &m.events, about)
}

// imageLabel is the label of a Node that names its node image.
const imageLabel = "kubernetes.azure.com/node-image-version"

// register makes the machine's Node, or finds the one it made before, which may
// be of another node image.
func (f *Fleet) register(ctx context.Context, m *machine, boot string) (types.UID, error) {
	ctx, cancel := request(ctx)
	defer cancel()
	client := f.client.CoreV1().Nodes()
	f.mu.Lock()
	object := m.node(time.Now(), boot)
	f.mu.Unlock()
	node, err := client.Create(ctx, object, metav1.CreateOptions{})
	fresh := err == nil
	if apierrors.IsAlreadyExists(err) {
		node, err = client.Get(ctx, m.name, metav1.GetOptions{})
	}
	if err == nil && node.Labels[imageLabel] != object.Labels[imageLabel] {
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:%q}}}`, imageLabel, object.Labels[imageLabel])
		_, err = client.Patch(ctx, m.name, types.MergePatchType, patch, metav1.PatchOptions{})
	}
	if err != nil {
		return "", fmt.Errorf("register node %s: %w", m.name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m.registered, m.uid = true, node.UID
	m.statusDue = !fresh
	if fresh {
		now := time.Now()
		m.reported = now.Add(-m.spread())
		m.events.add(now, normal, "NodeReady", "Node "+m.name+" status is now: NodeReady", "")
		f.log.Append(timeline.Event{
			Time: now, Actor: timeline.Node, Verb: "registered", Subject: "node/" + m.name, Cause: m.root.Seq,
			Message: "the kubelet registered the node",
		})
		f.wake(m)
	}
	return node.UID, nil
}

// renew renews the machine's lease, or makes it.
func (f *Fleet) renew(ctx context.Context, m *machine, w nodeWork) error {
	ctx, cancel := request(ctx)
	defer cancel()
	client := f.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	lease := w.held
	var err error
	if lease == nil {
		lease, err = client.Get(ctx, m.name, metav1.GetOptions{})
	}
	if err == nil {
		lease = lease.DeepCopy()
		setLease(lease, m.name, time.Now())
		lease, err = client.Update(ctx, lease, metav1.UpdateOptions{})
	}
	if apierrors.IsNotFound(err) && !w.register && m.deleted() {
		f.mu.Lock()
		defer f.mu.Unlock()
		m.lease, m.leaseDue = nil, false
		return nil // a kubelet without a Node has nothing to renew
	}
	if apierrors.IsNotFound(err) {
		lease, err = client.Create(ctx, newLease(m.name, w.uid, time.Now()), metav1.CreateOptions{})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		m.lease = nil // read it anew
		return fmt.Errorf("renew lease of node %s: %w", m.name, err)
	}
	m.lease, m.leaseDue = lease, false
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
func (f *Fleet) reportStatus(ctx context.Context, m *machine, boot string) error {
	ctx, cancel := request(ctx)
	defer cancel()
	now := time.Now()
	client := f.client.CoreV1().Nodes()
	node, err := client.Get(ctx, m.name, metav1.GetOptions{})
	var was, is map[corev1.NodeConditionType]corev1.ConditionStatus
	if err == nil {
		f.mu.Lock()
		status := m.status(now, boot, node.Status.Conditions)
		f.mu.Unlock()
		was, is = statuses(node.Status.Conditions), statuses(status.Conditions)
		var patch []byte
		if patch, err = nodePatch(node, status); err != nil {
			return err
		}
		_, err = client.Patch(ctx, m.name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("report status of node %s: %w", m.name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m.statusDue, m.reported = false, now
	m.tellChanges(now, was, is)
	return nil
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
func (m *machine) tellChanges(now time.Time, was, is map[corev1.NodeConditionType]corev1.ConditionStatus) {
	tell := func(condition corev1.NodeConditionType, yes, no string) {
		reason := yes
		if is[condition] != corev1.ConditionTrue {
			reason = no
		}
		if was[condition] != is[condition] {
			m.events.add(now, normal, reason, "Node "+m.name+" status is now: "+reason, "")
			m.f.wake(m)
		}
	}
	tell(corev1.NodeReady, "NodeReady", "NodeNotReady")
	tell(corev1.NodeDiskPressure, "NodeHasDiskPressure", "NodeHasNoDiskPressure")
	tell(corev1.NodeMemoryPressure, "NodeHasInsufficientMemory", "NodeHasSufficientMemory")
}

// reportProblems writes the conditions of the node problem detector.
func (f *Fleet) reportProblems(ctx context.Context, m *machine) error {
	ctx, cancel := request(ctx)
	defer cancel()
	client := f.client.CoreV1().Nodes()
	node, err := client.Get(ctx, m.name, metav1.GetOptions{})
	if err == nil {
		f.mu.Lock()
		conditions := m.problems(time.Now(), node.Status.Conditions)
		f.mu.Unlock()
		if patch := changedConditions(node.Status.Conditions, conditions); patch != nil {
			_, err = client.Patch(ctx, m.name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
		}
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("report problems of node %s: %w", m.name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m.problemsDue = false
	return nil
}

// changedConditions is the patch that changes conditions of a node; nil if they
// are so already.
func changedConditions(before, after []corev1.NodeCondition) []byte {
	was := statuses(before)
	var changed []corev1.NodeCondition
	for _, c := range after {
		if was[c.Type] != c.Status {
			changed = append(changed, c)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": changed}})
	if err != nil {
		return nil // conditions are strings and times: they can be encoded
	}
	return patch
}

func nodePatch(node *corev1.Node, status corev1.NodeStatus) ([]byte, error) {
	from, to := corev1.Node{Status: node.Status}, corev1.Node{Status: status}
	a, err := json.Marshal(from)
	if err != nil {
		return nil, fmt.Errorf("encode the old status: %w", err)
	}
	b, err := json.Marshal(to)
	if err != nil {
		return nil, fmt.Errorf("encode the new status: %w", err)
	}
	return strategicpatch.CreateTwoWayMergePatch(a, b, corev1.Node{})
}

// deleted says whether somebody deleted the Node of the machine. Its kubelet
// makes it again only when it restarts.
func (m *machine) deleted() bool {
	_, err := m.f.node(m.name)
	return apierrors.IsNotFound(err)
}

// disputed says whether the API server believes something else of the node than
// its kubelet does. The lock is held.
func (m *machine) disputed(now time.Time) bool {
	n, err := m.f.node(m.name)
	if err != nil || n.UID != m.uid {
		return false
	}
	told := statuses(n.Status.Conditions)
	for _, c := range m.conditions(now) {
		if told[c.Type] != c.Status {
			return true
		}
	}
	if late := m.plegLate(now); late != m.plegTold {
		m.plegTold = late
		return true
	}
	return false
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
