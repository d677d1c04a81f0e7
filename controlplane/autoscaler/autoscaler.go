// Package autoscaler is the cluster autoscaler that the provider runs for node pools: it
// gives a pool nodes for pods that fit on no node, and takes those away again that nobody
// needs.
//
// Upstream's own (k8s.io/autoscaler/cluster-autoscaler) cannot be linked: the module proxy
// does not serve it, and it needs a Kubernetes of its own version. This one has its rules,
// events and texts, with AKS's default profile. [Decide] is those rules: a function of what
// there is, at a time, and of what was decided before. A [Controller] has it look, and does
// what it says. It looks on the grid of upstream's scan interval, but only when something has
// changed or a deadline has come: between these a look would find what the last one found.
//
// What differs from upstream: a new node is taken for one of the zone that the scale set
// would give it, the random expander draws from the cluster's seed, required pod affinity is
// not looked at, and the status ConfigMap is written when it says something new.
package autoscaler

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
)

// AKS's default profile (Microsoft, "Use the cluster autoscaler in Azure Kubernetes Service
// (AKS)", cluster autoscaler profile settings, 2026). Upstream's defaults are the same but for
// local storage, which does not keep a node here.
const (
	ScanInterval         = 10 * time.Second
	delayAfterAdd        = 10 * time.Minute
	delayAfterDelete     = ScanInterval
	delayAfterFailure    = 3 * time.Minute
	unneededTime         = 10 * time.Minute
	unreadyTime          = 20 * time.Minute
	utilizationThreshold = 0.5
	maxGrace             = 600 * time.Second
	provisionTime        = 15 * time.Minute
	okUnready            = 3
	maxUnreadyPercent    = 45
)

// Limits that AKS's profile does not have: upstream's (kubernetes/autoscaler,
// cluster-autoscaler/config/flags/flags.go, 2026).
const (
	firstBackoff   = 5 * time.Minute
	maxBackoff     = 30 * time.Minute
	backoffReset   = 3 * time.Hour
	maxDeletions   = 10 // at a time, of which
	maxDrains      = 1  // are of nodes with pods
	maxCandidates  = 30 // nodes with pods that are looked at closely
	expendable     = -10
	evictionTime   = 2 * time.Minute
	evictionRetry  = 10 * time.Second
	graceHeadroom  = 30 * time.Second
	notStartedTime = 15 * time.Minute
)

// Taints and annotations by which the autoscaler and its customers speak (kubernetes/autoscaler,
// cluster-autoscaler/FAQ.md, 2026).
const (
	TaintToBeDeleted      = "ToBeDeletedByClusterAutoscaler"
	TaintCandidate        = "DeletionCandidateOfClusterAutoscaler"
	AnnotationDisabled    = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
	annotationSafeToEvict = "cluster-autoscaler.kubernetes.io/safe-to-evict"
)

// Group is a node pool whose size the autoscaler decides.
type Group struct {
	// Pool is its name for AKS, and Name its scale set's, which upstream's texts have.
	Pool, Name string
	Min, Max   int
	// VMs are the nodes whose VMs the scale set has, or is making.
	VMs []string
	// Template is the Node that the next VM would register.
	Template *corev1.Node
}

// Input is what there is.
type Input struct {
	Now        time.Time
	Groups     []Group
	Nodes      []*corev1.Node
	Pods       []*corev1.Pod
	DaemonSets []*appsv1.DaemonSet
	Budgets    []*policyv1.PodDisruptionBudget
	// VolumesFit says whether a pod's bound volumes can be on a node; nil for none.
	VolumesFit func(*corev1.Pod, *corev1.Node) bool
	// Draw is a number from 0 to n-1, by which one of several pools is chosen.
	Draw func(n int) int
}

// Memory is what the autoscaler knows from before, by the names of nodes and pools.
type Memory struct {
	// Unneeded is since when a node is not needed.
	Unneeded map[string]time.Time
	// Awaited is since when a VM has no Node.
	Awaited map[string]time.Time
	// Deleting are the nodes that are being taken away, and whether they are drained.
	Deleting map[string]bool
	Backoffs map[string]Backoff
	// LastUp, LastDown and LastFailed are the last scale-up, and the last deletion of a node
	// that went well and that failed.
	LastUp, LastDown, LastFailed time.Time
}

// Backoff keeps a pool from growing after it could not.
type Backoff struct {
	Until time.Time
	Of    time.Duration
	// Code and Message are why.
	Code, Message string
}

// after is the back-off after another failure.
func (b Backoff) after(now time.Time, code, message string) Backoff {
	of := firstBackoff
	if !b.Until.IsZero() && now.Before(b.Until.Add(backoffReset)) {
		of = min(2*b.Of, maxBackoff)
	}
	return Backoff{Until: now.Add(of), Of: of, Code: code, Message: message}
}

// Plan is what is to be done now.
type Plan struct {
	// Unhealthy says that too many nodes are not ready: nothing is done.
	Unhealthy bool
	// Up is the pool that grows; nil for none.
	Up *ScaleUp
	// Waiting are the pods that fit on no node, and that no pool grows for. If one grows for
	// others they are looked at anew.
	Waiting []Waiting
	// Upcoming is how many nodes each pool waits for.
	Upcoming map[string]int
	// Late are VMs that have not become nodes in time, by pool.
	Late map[string][]string
	// Unneeded are the nodes that are not needed, and Since when they are not.
	Unneeded []string
	Since    map[string]time.Time
	// Mark says that the nodes that are not needed are marked so, and no others.
	Mark bool
	// Remove are the nodes that go now.
	Remove []Removal
	// Next is when to look again, whatever happens; zero for not at all.
	Next time.Time
}

// ScaleUp is a pool that grows from one size to another for pods.
type ScaleUp struct {
	Group    Group
	From, To int
	Pods     []*corev1.Pod
}

// Waiting is a pod that no pool grows for, and why: how many pools there are for each reason.
type Waiting struct {
	Pod     *corev1.Pod
	Reasons map[string]int
}

// Removal is a node that goes.
type Removal struct {
	Group Group
	Node  *corev1.Node
	// Pods are those that move; none says that it is empty.
	Pods []*corev1.Pod
	Use  Utilization
}

// Decide says what is to be done.
func Decide(in Input, mem Memory) Plan {
	p := Plan{Upcoming: map[string]int{}, Late: map[string][]string{}, Since: map[string]time.Time{}}
	s := newSnapshot(in)
	s.addUpcoming(in, mem, &p)
	if p.Unhealthy = s.unhealthy(mem); p.Unhealthy {
		return p
	}
	p.scaleUp(in, mem, s)
	p.scaleDown(in, mem, s)
	return p
}

// at has the next look not be later than a time, if that is ahead.
func (p *Plan) at(now, t time.Time) {
	if t.After(now) && (p.Next.IsZero() || t.Before(p.Next)) {
		p.Next = t
	}
}
