package cloud

import (
	"context"
	"fmt"
	"strings"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

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
