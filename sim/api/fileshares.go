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
}
