package api

import "time"

// Kinds of an [Operation], in the words that AKS uses for an operation that is
// in the way of another.
const (
	OpUpgradeCluster = "Upgrading"          // of the control plane, and mostly of the pools
	OpUpgradePool    = "UpgradingAgentPool" // of one pool
	OpScalePool      = "ScalingAgentPool"
	OpCreatePool     = "CreatingAgentPool"
	OpDeletePool     = "DeletingAgentPool"
	OpUpdatePool     = "UpdatingAgentPool"
	OpStopCluster    = "Stopping"
	OpStartCluster   = "Starting"
)

// States of an [Operation]. AKS's provisioning state says the same.
const (
	OpInProgress = "InProgress"
	OpSucceeded  = "Succeeded"
	OpFailed     = "Failed"
)

// Operation is something long that the customer has asked of the cluster. One at
// most is in progress.
type Operation struct {
	ID   string `json:"id"`
	Kind string `json:"kind" enum:"operation-kind"`
	// Subject is cluster/NAME or nodepool/NAME, and Message what is asked for.
	Subject string `json:"subject"`
	Message string `json:"message"`
	// State is how it stands, and Error why it failed: an error code of AKS in
	// parentheses, then the text.
	State string    `json:"state" enum:"operation-state"`
	Error string    `json:"error,omitempty"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
	// Channel is the channel by which the service began it by itself; empty if the customer did.
	Channel string `json:"channel,omitempty"`
	// Event is the event on the timeline by which it was begun.
	Event int64 `json:"event,omitempty"`
	// Upgrade is how far an upgrade has come.
	Upgrade *Upgrade `json:"upgrade,omitempty"`
	// Scale is how far a change of a pool's size has come, and so its creation and deletion.
	Scale *Scale `json:"scale,omitempty"`
	// Reshape is how far a change of a pool's labels, taints or mode has come.
	Reshape *Reshape `json:"reshape,omitempty"`
	// PowerChange is how far a stop or a start of the cluster has come.
	PowerChange *PowerChange `json:"powerChange,omitempty"`
}

// InProgress says whether it has not ended.
func (o Operation) InProgress() bool { return o.State == OpInProgress }

// Scale is how far a change of a pool's number of nodes has come.
type Scale struct {
	Pool string `json:"pool"`
	From int    `json:"from"`
	To   int    `json:"to"`
	// Add is how many nodes are added, and Added those that the cloud was asked for.
	Add   int           `json:"add,omitempty"`
	Added []NodeUpgrade `json:"added,omitempty"`
	// Removed are the nodes that go, the newest first.
	Removed []NodeUpgrade `json:"removed,omitempty"`
	// Missing are nodes whose VMs were deleted outside of AKS: these are no longer
	// waited for.
	Missing []string `json:"missing,omitempty"`
	// IgnorePDB says that PodDisruptionBudgets do not keep nodes from being deleted.
	IgnorePDB bool `json:"ignorePDB,omitempty"`
	// Failure says why it is given up: what is left to do is to tidy up.
	Failure string `json:"failure,omitempty"`
}

// Reshape is a change of what the nodes of a pool have by the customer's wish.
type Reshape struct {
	Pool   string    `json:"pool"`
	Before PoolShape `json:"before"`
	After  PoolShape `json:"after"`
	// Autoscaling is what the autoscaler is to do after it; nil if that stays as it is.
	Autoscaling *Autoscaling `json:"autoscaling,omitempty"`
}
