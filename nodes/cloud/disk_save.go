package cloud

import (
	"encoding/json"
	"fmt"

	"demarc/nodes/host"
	"demarc/sim/api"
)

// savedDisk is the form in which a disk is kept.
type savedDisk struct {
	api.Disk
	Files json.RawMessage `json:"files,omitempty"`
}

// Save returns the disks with what is on them, for [Disks.Load]; nil if there are none.
// The lock is held.
func (d *Disks) Save() (json.RawMessage, error) {
	list, err := saved(&d.resources, func(x *disk, files json.RawMessage) savedDisk { return savedDisk{x.Disk, files} })
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return json.Marshal(list)
}

// Load puts back the disks that Save returned. On an error there are those that there
// were. The lock is held, or nobody else has the disks yet.
func (d *Disks) Load(data json.RawMessage) error {
	if len(data) == 0 {
		return nil
	}
	var list []savedDisk
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("read the saved disks: %w", err)
	}
	return load(&d.resources, list, func(s savedDisk) (*disk, json.RawMessage, error) {
		spec := DiskSpec{Name: s.Name, SizeGiB: s.SizeGiB, SKU: s.SKU, Zone: s.Zone}
		if err := spec.Check(); err != nil {
			return nil, nil, fmt.Errorf("read the saved disk %q: %w", s.Name, err)
		}
		return &disk{Disk: s.Disk, stored: stored{files: host.NewVolume(s.Name, s.SizeGiB<<30)}}, s.Files, nil
	})
}
