package cloud

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

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
	if len(d.disks) == 0 {
		return nil, nil
	}
	var list []savedDisk
	for _, name := range slices.Sorted(maps.Keys(d.disks)) {
		x := d.disks[name]
		files, err := x.files.Save()
		if err != nil {
			return nil, err
		}
		list = append(list, savedDisk{x.Disk, files})
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
	disks := map[string]*disk{}
	for _, s := range list {
		spec := DiskSpec{Name: s.Name, SizeGiB: s.SizeGiB, SKU: s.SKU, Zone: s.Zone}
		if err := spec.Check(); err != nil {
			return fmt.Errorf("read the saved disk %q: %w", s.Name, err)
		}
		x := &disk{Disk: s.Disk, files: host.NewVolume(s.Name, s.SizeGiB<<30)}
		if err := x.files.Load(s.Files); err != nil {
			return err
		}
		disks[s.Name] = x
	}
	d.disks = disks
	return nil
}
