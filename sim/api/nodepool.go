package api

// DefaultPool is the name of the one pool that every cluster has.
const DefaultPool = "nodepool1"

// NodePool is a pool of worker nodes of the same kind.
type NodePool struct {
	Name string `json:"name"`
	Mode string `json:"mode"` // System
	// Count is how many nodes the customer wants, VMs how many there are of them in
	// the cloud, and Ready how many of those are Ready for Kubernetes.
	Count int `json:"count"`
	VMs   int `json:"vms"`
	Ready int `json:"ready"`
	// Size is the VMs', and KubernetesVersion and NodeImage the pool's; a node's may
	// still be older.
	Size              string `json:"size"`
	KubernetesVersion string `json:"kubernetesVersion"`
	NodeImage         string `json:"nodeImage"`
	// ProvisioningState is that of the last operation on the pool, and Error why
	// it failed.
	ProvisioningState string         `json:"provisioningState"`
	Error             string         `json:"error,omitempty"`
	Nodes             []NodePoolNode `json:"nodes"`
}

// NodePoolNode is a node of a pool.
type NodePoolNode struct {
	Name              string `json:"name"`
	InstanceID        int    `json:"instanceID"`
	Power             string `json:"power"`
	Ready             bool   `json:"ready"`
	Schedulable       bool   `json:"schedulable"`
	Surge             bool   `json:"surge,omitempty"`
	KubernetesVersion string `json:"kubernetesVersion"`
	NodeImage         string `json:"nodeImage"`
}

// ScaleRequest asks for another number of nodes in a pool.
type ScaleRequest struct {
	Count int `json:"count"`
}
