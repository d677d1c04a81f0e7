package api

import "time"

// FileShare is a file share of a storage account of the node resource group.
type FileShare struct {
	Name string `json:"name"`
	// Account is the storage account.
	Account string `json:"account"`
	// ID is its resource ID.
	ID       string `json:"id"`
	QuotaGiB int64  `json:"quotaGiB"`
	// SKU is that of its account, such as Standard_LRS.
	SKU     string            `json:"sku"`
	Created time.Time         `json:"created"`
	Tags    map[string]string `json:"tags,omitempty"`
	// Used is how many bytes its files take.
	Used int64 `json:"used"`
	// Claim is the PersistentVolumeClaim that it was made for, as NAMESPACE/NAME; empty if it
	// was not made for any.
	Claim string `json:"claim,omitempty"`
	// Volume is the PersistentVolume of the cluster that names it; empty if none does, or if
	// the API server cannot say.
	Volume string `json:"volume,omitempty"`
	// Orphan says that it was made for a claim, and no PersistentVolume of the cluster names
	// it any more: nobody will delete it, and it is billed.
	Orphan bool `json:"orphan"`
}

// What can be done with a file share outside of AKS.
const (
	ShareDelete = "delete"
	ShareResize = "resize"
)

// ShareActions are all of them.
var ShareActions = []string{ShareDelete, ShareResize}

// ShareRequest does something with a file share outside of AKS.
type ShareRequest struct {
	Action string `json:"action" enum:"share-action"`
	// Share is ACCOUNT/NAME, or claim:NAMESPACE/NAME for the share that was made for that
	// PersistentVolumeClaim.
	Share string `json:"share"`
	// QuotaGiB is for resize.
	QuotaGiB int64 `json:"quotaGiB,omitempty"`
}
