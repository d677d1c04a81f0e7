package api

import "time"

// Bounds and defaults of an upgrade of a pool (Microsoft, "Upgrade an Azure
// Kubernetes Service (AKS) cluster" and "Customize node surge upgrade", 2026).
const (
	DefaultMaxSurge     = "1"
	DefaultDrainTimeout = 30 * time.Minute
	MinDrainTimeout     = 5 * time.Minute
	MaxDrainTimeout     = 24 * time.Hour
	MaxNodeSoak         = 30 * time.Minute
)

// UpgradeRequest asks for an upgrade of the cluster, or of one pool.
type UpgradeRequest struct {
	// Pool is the pool; empty for the cluster.
	Pool string `json:"pool,omitempty"`
	// KubernetesVersion is 1.37 or 1.37.2; empty for the one that it has, and for a
	// pool the control plane's.
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// ControlPlaneOnly leaves the pools as they are.
	ControlPlaneOnly bool `json:"controlPlaneOnly,omitempty"`
	// NodeImageOnly gives nodes the newest image of their version of Kubernetes.
	NodeImageOnly bool `json:"nodeImageOnly,omitempty"`
	// MaxSurge, DrainTimeout and NodeSoak are the pools' if empty or zero.
	MaxSurge     string   `json:"maxSurge,omitempty"`
	DrainTimeout Duration `json:"drainTimeout,omitzero"`
	NodeSoak     Duration `json:"nodeSoak,omitzero"`
}

// Upgrade is how far an upgrade has come.
type Upgrade struct {
	// From and To are the control plane's versions; equal if it stays as it is.
	From string `json:"from"`
	To   string `json:"to"`
	// ControlPlaneBegan and ControlPlaneDone are when the control plane's first
	// component was restarted and its last one served.
	ControlPlaneBegan time.Time `json:"controlPlaneBegan,omitzero"`
	ControlPlaneDone  time.Time `json:"controlPlaneDone,omitzero"`
	// Pools are the pools, in the order of their upgrades.
	Pools []PoolUpgrade `json:"pools,omitempty"`
}

// PoolUpgrade is how far the upgrade of one pool has come.
type PoolUpgrade struct {
	Name string `json:"name"`
	// From and To are versions of Kubernetes, and Image the node image that nodes
	// get.
	From  string `json:"from"`
	To    string `json:"to"`
	Image string `json:"image,omitempty"`
	// Surge is how many surge nodes it uses, and so how many nodes are upgraded at
	// once. DrainTimeout bounds the drain of one node; Soak is the wait after it.
	Surge        int      `json:"surge"`
	DrainTimeout Duration `json:"drainTimeout"`
	Soak         Duration `json:"soak,omitzero"`
	// SurgeNodes are the surge nodes, and Nodes those that are upgraded.
	SurgeNodes []NodeUpgrade `json:"surgeNodes,omitempty"`
	Nodes      []NodeUpgrade `json:"nodes,omitempty"`
	// Failure says why it is given up: what is left to do is to tidy up.
	Failure string    `json:"failure,omitempty"`
	Began   time.Time `json:"began,omitzero"`
	Done    time.Time `json:"done,omitzero"`
}

// NodeUpgrade is how far one node has come. A time is zero as long as it has not
// come so far.
type NodeUpgrade struct {
	Name string `json:"name"`
	// Asked is when the cloud was first asked for a surge node.
	Asked time.Time `json:"asked,omitzero"`
	// Cordoned is when its drain began, Drained when no pod was left, Reimaged when
	// the cloud had accepted to give it the new image, Ready when it was Ready again
	// and took pods, Removed when a surge node was gone.
	Cordoned time.Time `json:"cordoned,omitzero"`
	Drained  time.Time `json:"drained,omitzero"`
	Reimaged time.Time `json:"reimaged,omitzero"`
	Ready    time.Time `json:"ready,omitzero"`
	Removed  time.Time `json:"removed,omitzero"`
	// Blocked is the pod that a PodDisruptionBudget kept from being evicted last.
	Blocked string `json:"blocked,omitempty"`
	// Lost is what is gone for good with its old disk.
	Lost []string `json:"lost,omitempty"`
}

// UpgradeProfile says what the cluster and its pools can be upgraded to.
type UpgradeProfile struct {
	// KubernetesVersion is the control plane's, and Upgrades what it can be
	// upgraded to.
	KubernetesVersion string        `json:"kubernetesVersion"`
	Upgrades          []string      `json:"upgrades"`
	Pools             []PoolProfile `json:"pools"`
}

// PoolProfile says what a pool has and what it can be upgraded to.
type PoolProfile struct {
	Name              string   `json:"name"`
	Count             int      `json:"count"`
	KubernetesVersion string   `json:"kubernetesVersion"`
	NodeImage         string   `json:"nodeImage,omitempty"`
	LatestNodeImage   string   `json:"latestNodeImage,omitempty"`
	Upgrades          []string `json:"upgrades"`
	ProvisioningState string   `json:"provisioningState"`
}
