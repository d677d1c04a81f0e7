package provider

import (
	"context"
	"sync"
	"time"
)

// Node is a worker node as node auto-repair sees it.
type Node struct {
	Name, Pool string
	// Ready says that condition Ready is True, Unknown that it is Unknown: its
	// kubelet posts no status.
	Ready, Unknown bool
	// Since is the last transition of condition Ready; Reason and Message are the
	// condition's.
	Since           time.Time
	Reason, Message string
	// EverReady says that it was Ready since it registered.
	EverReady bool
	// Shutdown and Deleting are the taints
	// node.cloudprovider.kubernetes.io/shutdown and ToBeDeletedByClusterAutoscaler.
	Shutdown, Deleting bool
	// Upgrading says that annotations keep the autoscaler from the node for an
	// upgrade: cluster-autoscaler.kubernetes.io/scale-down-disabled is true, and
	// kubernetes.azure.com/azure-cluster-autoscaler-scale-down-disabled-reason
	// is upgrade.
	Upgrading bool
	// Unschedulable says that it is cordoned.
	Unschedulable bool
	// BootID names the boot of its machine, as its kubelet reports it; empty if
	// it does not.
	BootID string
	// Version is its kubelet's, as 1.36.3, and Image its node image.
	Version, Image string
	// Surge says that it was made for an upgrade.
	Surge bool
}

// NodePlant is the worker nodes, by the API server and by the cloud.
type NodePlant interface {
	// Nodes is what the API server says now; an error if it does not answer.
	Nodes(ctx context.Context) ([]Node, error)
	// Broken is what is known of the machine's trouble: the event that began it,
	// when, and in words; ok is false if the node's machine has none.
	Broken(node string) (cause string, event int64, since time.Time, ok bool)
	// Act asks the cloud to reboot, reimage or redeploy the machine. It returns
	// when the cloud has accepted it or refused it; the error's text begins with
	// an error code of AKS such as VMExtensionProvisioningError. An error of ctx,
	// or ErrNoAnswer, says that there was no answer. The key names the action: asking again with
	// the same key does nothing again and gives the same answer. Cause is the event
	// that it is done for: whoever did that answers for what it breaks.
	Act(ctx context.Context, node, action, key string, cause int64) (lost []string, err error)
	// Egress says why the node's machine cannot reach the endpoints that AKS
	// requires; empty if it can.
	Egress(node string) string
	// Event writes a Kubernetes event on the Node object with source
	// aks-auto-repair; eventType is Normal or Warning.
	Event(ctx context.Context, node, eventType, reason, message string) error
	// Cordon marks a node unschedulable or schedulable.
	Cordon(ctx context.Context, node string, unschedulable bool) error
	// Evict asks the API server to evict the pods of a node that a drain evicts:
	// no pods of a DaemonSet and no mirror pods. It respects
	// PodDisruptionBudgets: left are the pods that are still there, blocked are
	// those that a budget protects now, as "namespace/pod: reason".
	Evict(ctx context.Context, node string) (left int, blocked []string, err error)
}

// nodeSubject names a node in incidents, in repairs and on the timeline.
func nodeSubject(node string) string { return "node/" + node }

// askTimeout bounds one question to the API server or the cloud about nodes.
const askTimeout = 30 * time.Second

// told is what was said about subjects, so that it is said once. It is not in
// the log: it decides nothing.
type told struct {
	mu   sync.Mutex
	what map[string]string
}

// first says whether something else, or nothing, was last said of a subject.
func (t *told) first(subject, what string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.what[subject] == what {
		return false
	}
	if t.what == nil {
		t.what = map[string]string{}
	}
	t.what[subject] = what
	return true
}

func (t *told) forget(subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.what, subject)
}
