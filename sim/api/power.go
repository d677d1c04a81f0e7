package api

import "time"

// Codes of the power state of a managed cluster, as AKS's (Microsoft, "Stop and start an
// Azure Kubernetes Service (AKS) cluster", 2026-03-04). It is what the customer wants: a
// cluster that is Stopping has the code Stopped already.
const (
	PowerRunning = "Running"
	PowerStopped = "Stopped"
)

// PowerState is whether a managed cluster is to run.
type PowerState struct {
	Code string `json:"code" enum:"cluster-power"`
}

// ManagedCluster is the managed cluster as its customer has it.
type ManagedCluster struct {
	Name              string `json:"name"`
	KubernetesVersion string `json:"kubernetesVersion"`
	// ProvisioningState is what an operation is at, such as Stopping, or else what came of
	// the last one: Succeeded or Failed.
	ProvisioningState string     `json:"provisioningState"`
	PowerState        PowerState `json:"powerState"`
	// Stopped is since when a cluster has been stopped, and KeptUntil until when its state
	// is kept then.
	Stopped   time.Time `json:"stopped,omitzero"`
	KeptUntil time.Time `json:"keptUntil,omitzero"`
	// NodeResourceGroup is where its VMs, disks and load balancers are.
	NodeResourceGroup string `json:"nodeResourceGroup"`
	// Server is the URL of its API server.
	Server string `json:"server"`
}

// PowerChange is how far a stop or a start of the cluster has come. A time is zero as long as it
// has not come so far.
type PowerChange struct {
	// Nodes are those that are drained for a stop, and that come back with a start.
	Nodes []NodeUpgrade `json:"nodes,omitempty"`
	// Unschedulable are those of them that somebody had cordoned before: they stay so.
	Unschedulable []string `json:"unschedulable,omitempty"`
	// Began is when the VMs and the control plane were told to go, or to come, and Done when
	// they had.
	Began time.Time `json:"began,omitzero"`
	Done  time.Time `json:"done,omitzero"`
}
