package api

// DefaultPool is the name of the pool that every cluster begins with.
const DefaultPool = "nodepool1"

// NodePool is a pool of worker nodes of the same kind.
type NodePool struct {
	Name string `json:"name"`
	PoolShape
	Autoscaling
	// Count is how many nodes the customer wants, VMs how many there are of them in
	// the cloud, and Ready how many of those are Ready for Kubernetes.
	Count int `json:"count"`
	VMs   int `json:"vms"`
	Ready int `json:"ready"`
	// KubernetesVersion and NodeImage are the pool's; a node's may still be older.
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
	Power             string `json:"power" enum:"power-state"`
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

// AddPoolRequest asks for another node pool.
type AddPoolRequest struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	// What the shape leaves open is as AKS has it by default; the mode is User.
	PoolShape
	// KubernetesVersion is 1.37 or 1.37.2; the control plane's if empty.
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// Autoscaler is what the cluster autoscaler is to do; nothing if it is left out.
	Autoscaler AutoscalerRequest `json:"autoscaler,omitzero"`
}

// UpdatePoolRequest asks for other labels and taints of a pool's nodes, another mode, or
// something else of the cluster autoscaler. What is null, empty or left out stays as it is.
type UpdatePoolRequest struct {
	Labels map[string]string `json:"labels"`
	Taints []string          `json:"taints"`
	Mode   string            `json:"mode,omitempty"`
	// Autoscaler is what is to change of the cluster autoscaler.
	Autoscaler AutoscalerRequest `json:"autoscaler,omitzero"`
}

// DeletePoolRequest asks for the end of a pool.
type DeletePoolRequest struct {
	// IgnorePDB says that PodDisruptionBudgets do not keep nodes from being deleted.
	IgnorePDB bool `json:"ignorePDB,omitempty"`
}
