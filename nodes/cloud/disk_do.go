package cloud

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// claimPrefix is before the claim, as NAMESPACE/NAME, in what names the disk that was
// made for it.
const claimPrefix = "claim:"

// Resolve is the name of a disk that is named by itself or by its claim. There need be
// no disk of that name.
func (d *Disks) Resolve(ref string) (string, error) {
	claim, ok := strings.CutPrefix(ref, claimPrefix)
	if !ok {
		return ref, nil
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	var of []string
	for _, name := range slices.Sorted(maps.Keys(d.all)) {
		if d.all[name].shown().Claim == claim {
			of = append(of, name)
		}
	}
	switch len(of) {
	case 0:
		return "", api.Coded("ResourceNotFound", "No disk was made for the claim %q; want %sNAMESPACE/NAME.", claim, claimPrefix)
	case 1:
		return of[0], nil
	}
	return "", api.Coded("Conflict", "Several disks were made for the claim %s: %s.", claim, strings.Join(of, ", "))
}

// Do does something with a disk as a resource of the cloud, behind the back of the managed
// service.
func (d *Disks) Do(ctx context.Context, req api.DiskRequest, by timeline.Actor) (api.Disk, error) {
	if req.Action == api.DiskCreate {
		return d.Create(ctx, DiskSpec{Name: req.Disk, SizeGiB: req.SizeGiB, SKU: req.SKU, Zone: req.Zone}, by)
	}
	name, err := d.Resolve(req.Disk)
	if err != nil {
		return api.Disk{}, err
	}
	x, err := d.Get(ctx, name)
	if err != nil {
		return x, err
	}
	switch req.Action {
	case api.DiskDelete:
		return x, d.Delete(ctx, name, by)
	case api.DiskDetach:
		if x.VM == "" {
			return x, api.Coded("OperationNotAllowed", "Disk '%s' is not attached to a VM.", x.ID)
		}
		if err := d.Detach(ctx, name, x.VM, by); err != nil {
			return x, err
		}
		return d.Get(ctx, name)
	case api.DiskResize:
		return d.Resize(ctx, name, req.SizeGiB, by)
	}
	return x, fmt.Errorf("a disk cannot be asked to %q: want %s", req.Action, strings.Join(api.DiskActions, ", "))
}
