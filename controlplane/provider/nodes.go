package provider

import (
	"context"
	"time"

	"demarc/sim/api"
	"demarc/sim/drain"
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
	// EventScheduled says that it tells of a scheduled event of its VM, and Remediated that
	// node auto-drain keeps pods from it.
	EventScheduled, Remediated bool
	// BootID names the boot of its machine, as its kubelet reports it; empty if
	// it does not.
	BootID string
	// Version is its kubelet's, as 1.36.3, and Image its node image.
	Version, Image string
	// Surge says that it was made for an upgrade.
	Surge bool
}

func byName(list []Node) map[string]Node {
	here := map[string]Node{}
	for _, n := range list {
		here[n.Name] = n
	}
	return here
}

// Budget is a PodDisruptionBudget.
type Budget struct {
	// Name is namespace/name.
	Name string
	// Unsatisfiable says that it allows no disruption whatever runs: its
	// maxUnavailable is 0.
	Unsatisfiable bool
}

// EventSource is who writes a Kubernetes event.
type EventSource struct{ Component, Instance string }

// Sources of events on Node objects.
var (
	autoRepairSource = EventSource{"aks-auto-repair", "aks-remediator"}
	upgraderSource   = EventSource{"upgrader", "aks-upgrader"}
)

// Nodes is the worker nodes, by the API server.
type Nodes interface {
	// Nodes is what the API server says now; an error if it does not answer.
	Nodes(ctx context.Context) ([]Node, error)
	// Event writes a Kubernetes event on a Node object; eventType is Normal or Warning.
	Event(ctx context.Context, by EventSource, node, eventType, reason, message string) error
	// Cordon marks a node unschedulable or schedulable.
	Cordon(ctx context.Context, node string, unschedulable bool) error
	// Remediate cordons and taints a node as node auto-drain does, or undoes that.
	Remediate(ctx context.Context, node string, on bool) error
	// Mark sets or removes the annotations that keep the autoscaler and
	// auto-repair from a node that is being upgraded.
	Mark(ctx context.Context, node string, upgrading bool) error
	// Shape gives a node the labels and taints of its pool's shape, and takes those from it
	// that it has of the pool's shape before.
	Shape(ctx context.Context, node string, before, after api.PoolShape) error
	// Evict asks the API server to evict the pods of a node that a drain evicts. It
	// respects PodDisruptionBudgets: left are the pods that are still there, blocked
	// are those that a budget protects now, as "namespace/pod: reason".
	Evict(ctx context.Context, node string) (left int, blocked []drain.Blocked, err error)
	// Explain adds to pods that Evict found blocked the budgets that protect them, as far as
	// they can be read.
	Explain(ctx context.Context, blocked []drain.Blocked)
	// Delete deletes at once the pods of a node that a drain moves, whatever protects them.
	Delete(ctx context.Context, node string) error
	// Budgets are all PodDisruptionBudgets.
	Budgets(ctx context.Context) ([]Budget, error)
}

// Cloud is the VMs of the worker nodes. What it has answered is on disk. A key names a
// request: asking again with the same key does nothing again and gives the same answer.
// Cause is the event that it is done for: whoever did that answers for what it breaks.
// Errors have an error code of AKS such as VMExtensionProvisioningError, but for an error
// of ctx and ErrNoAnswer: there was no answer.
type Cloud interface {
	// Broken is what is known of the machine's trouble: the event that began it,
	// when, and in words; ok is false if the node's machine has none.
	Broken(node string) (cause string, event int64, since time.Time, ok bool)
	// Act asks for a reboot, a reimage or a redeployment of the machine. It returns
	// when the cloud has accepted it or refused it. lost is what is gone for good.
	Act(ctx context.Context, node, action, key string, cause int64) (lost []string, err error)
	// Egress says why the node's machine cannot reach the endpoints that AKS
	// requires; empty if it can.
	Egress(node string) string
	// SetPool makes the scale set of a pool, or changes what its nodes are to be from now
	// on, and DeletePool deletes it: an error says that it still has VMs.
	SetPool(ctx context.Context, pool string, shape api.PoolShape) error
	DeletePool(ctx context.Context, pool string) error
	// AddVM asks for another VM of a pool with a kubelet's version, such as v1.37.2, and
	// returns the name of the node that it will be, in minutes. surge says that it
	// goes at the end of an upgrade. An error with a name is of a VM that was made
	// and cannot become a node.
	AddVM(ctx context.Context, key, pool, version string, surge bool, cause int64) (node string, err error)
	// RemoveVM deletes a node's VM, and then its Node. A VM that somebody deleted
	// outside of AKS is forgotten.
	RemoveVM(ctx context.Context, key, node string, cause int64) error
	// UpgradeVM reimages a node's VM with a kubelet and a node image; an empty image
	// is the newest for the kubelet. lost is what is gone with the old disk.
	UpgradeVM(ctx context.Context, key, node, version, image string, cause int64) (lost []string, err error)
	// Deallocate deallocates all VMs, which is no outage, and Allocate gives those back that
	// it has taken: they boot. Doing it again changes nothing.
	Deallocate(ctx context.Context, cause int64) error
	Allocate(ctx context.Context, cause int64) error
	// VMs are the nodes of a pool whose VMs the cloud has, by their instance numbers.
	VMs(pool string) []string
	// MissingVMs are the nodes of a pool whose VMs somebody deleted outside of AKS, and
	// that were not forgotten.
	MissingVMs(pool string) []string
	// Evacuating are the nodes whose VMs Azure takes back or moves soon, with the events that
	// announce that.
	Evacuating() map[string]int64
	// LatestImage is the newest node image for a version of Kubernetes.
	LatestImage(version string) string
}

// nodeSubject names a node in incidents, in repairs and on the timeline.
func nodeSubject(node string) string { return "node/" + node }

// askTimeout bounds one question to the API server or the cloud about nodes.
const askTimeout = 30 * time.Second
