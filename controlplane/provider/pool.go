package provider

import "context"

// PoolPlant is the VMs of the node pool, by the cloud. What it has answered is on
// disk. A key names a request: asking again with the same key does nothing again
// and gives the same answer. Cause is the event that it is done for. Errors begin
// with an error code of AKS, but for an error of ctx.
type PoolPlant interface {
	// AddVM asks for another VM with a kubelet's version, such as v1.37.2, and
	// returns the name of the node that it will be, in minutes. surge says that it
	// goes at the end of an upgrade. An error with a name is of a VM that was made
	// and cannot become a node.
	AddVM(ctx context.Context, key, version string, surge bool, cause int64) (node string, err error)
	// RemoveVM deletes a node's VM, and then its Node. A VM that somebody deleted
	// outside of AKS is forgotten.
	RemoveVM(ctx context.Context, key, node string, cause int64) error
	// UpgradeVM reimages a node's VM with a kubelet and a node image; an empty image
	// is the newest for the kubelet. lost is what is gone with the old disk.
	UpgradeVM(ctx context.Context, key, node, version, image string, cause int64) (lost []string, err error)
	// VMs are the nodes whose VMs the cloud has, by their instance numbers.
	VMs() []string
	// MissingVMs are the nodes whose VMs somebody deleted outside of AKS, and that
	// were not forgotten.
	MissingVMs() []string
}
