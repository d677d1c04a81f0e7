package api

import "time"

// States of a managed disk, in Azure's words.
const (
	DiskUnattached = "Unattached"
	DiskAttached   = "Attached"
)

// Disk is a managed disk of the node resource group.
type Disk struct {
	Name string `json:"name"`
	// ID is its resource ID, which a PersistentVolume has as its volume handle.
	ID      string `json:"id"`
	SizeGiB int64  `json:"sizeGiB"`
	// SKU is such as StandardSSD_LRS, and Tier the size by which Azure bills it, such as E4.
	SKU  string `json:"sku"`
	Tier string `json:"tier,omitempty"`
	// Zone is the availability zone; empty if it is in none.
	Zone  string `json:"zone,omitempty"`
	State string `json:"state" enum:"disk-state"`
	// VM is the machine that it is attached to, as a data disk of number LUN.
	VM      string            `json:"vm,omitempty"`
	LUN     int               `json:"lun"`
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

// What can be done with a disk outside of AKS.
const (
	DiskCreate = "create"
	DiskDelete = "delete"
	DiskDetach = "detach"
	DiskResize = "resize"
)

// DiskActions are all of them.
var DiskActions = []string{DiskCreate, DiskDelete, DiskDetach, DiskResize}

// DiskRequest does something with a managed disk outside of AKS.
type DiskRequest struct {
	Action string `json:"action" enum:"disk-action"`
	// Disk is its name, or claim:NAMESPACE/NAME for the disk that was made for that
	// PersistentVolumeClaim.
	Disk string `json:"disk"`
	// SizeGiB is for create and resize; SKU and Zone are for create.
	SizeGiB int64  `json:"sizeGiB,omitempty"`
	SKU     string `json:"sku,omitempty"`
	Zone    string `json:"zone,omitempty"`
}
