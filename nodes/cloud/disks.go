package cloud

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// What a call about a disk takes. Azure publishes no times; these are what one sees of
// small disks.
const (
	diskCreateTime = 3 * time.Second
	diskDeleteTime = 2 * time.Second
	diskAttachTime = 8 * time.Second
	diskDetachTime = 6 * time.Second
	diskResizeTime = 3 * time.Second
)

// Errors with which [Disks.Break] and [Shares.Break] have calls fail, in the words of Azure
// Resource Manager.
var (
	ErrThrottled       = throttled("Disks")
	ErrSharesThrottled = throttled("Write")
	ErrInternal        = api.Coded("InternalServerError", "Encountered internal server error.")
)

// throttled is the answer to a subscription that has asked too often for something.
func throttled(operation string) error {
	return api.Coded("TooManyRequests", "The request is being throttled as the limit has been reached for operation type - %s. "+
		"For more information, see https://aka.ms/srpthrottlinglimits (HTTP status 429, Retry-After: 30)", operation)
}

// DiskSpec is a disk as it is asked for.
type DiskSpec struct {
	Name    string
	SizeGiB int64
	SKU     string // as [DiskSKU] writes it
	Zone    string
	Tags    map[string]string
	// Source is the disk whose files it begins with; empty for none.
	Source string
}

// Machine is a VM to which disks are attached.
type Machine struct {
	Size, Zone string
	Lost       bool // its zone has no power
}

// Disks are the managed disks of a node resource group. Those of its methods that take a
// context are calls of Azure's API, which take time, and may be called from any goroutine;
// of the others each says whether it wants the lock.
type Disks struct {
	resources[api.Disk, *disk]
	group   string // the resource ID of the resource group
	machine func(name string) (Machine, bool)
	// Lost says whether a zone has no power; it is called with the lock held. Nil for none.
	Lost func(zone string) bool
}

// disk is one of them. All is under the lock.
type disk struct {
	api.Disk
	stored
	times int // it was attached, as far as this engine knows
}

// NewDisks makes the disks of the resource group with that resource ID. machine is a VM of
// the group, by its name; it is called with the lock held.
func NewDisks(lock *sync.Mutex, log *timeline.Log, group string, machine func(name string) (Machine, bool)) *Disks {
	d := &Disks{group: group, machine: machine}
	d.resources = resources[api.Disk, *disk]{lock: lock, log: log, noun: "disk", subject: "manageddisk/", all: map[string]*disk{}, absent: func(name string) error {
		return api.Coded("ResourceNotFound", "The Resource 'Microsoft.Compute/disks/%s' under resource group '%s' was not found. "+
			"For more details please go to https://aka.ms/ARMResourceNotFoundFix", name, groupName(group))
	}}
	return d
}

// groupName is the name of a resource group, by its resource ID.
func groupName(id string) string { return id[strings.LastIndex(id, "/")+1:] }

// ID is the resource ID of a disk of the group.
func (d *Disks) ID(name string) string {
	return d.group + "/providers/Microsoft.Compute/disks/" + name
}

// NameOf is the disk that a resource ID names; empty if it is no disk of the group's.
func (d *Disks) NameOf(id string) string {
	prefix := d.ID("")
	if len(id) <= len(prefix) || !strings.EqualFold(id[:len(prefix)], prefix) || strings.Contains(id[len(prefix):], "/") {
		return ""
	}
	return id[len(prefix):]
}

func (x *disk) key() string { return x.Name }

func (x *disk) tags() map[string]string { return x.Tags }

// shown is the disk as it is now.
func (x *disk) shown() api.Disk {
	out := x.Disk
	out.Tier, out.Tags, out.Used, out.State = diskTier(x.SKU, x.SizeGiB), maps.Clone(x.Tags), x.files.Used(), api.DiskUnattached
	if x.VM != "" {
		out.State = api.DiskAttached
	}
	out.Claim = claimOf(x.Tags)
	return out
}

// Create makes a disk. One that is there already and is like it is the answer.
func (d *Disks) Create(ctx context.Context, spec DiskSpec, by timeline.Actor) (api.Disk, error) {
	if err := spec.Check(); err != nil {
		return api.Disk{}, err
	}
	return d.call(ctx, diskCreateTime, func() (api.Disk, error) {
		if err := d.there(spec.Name, spec.SKU, spec.Zone); err != nil {
			return api.Disk{}, err
		}
		if x := d.all[spec.Name]; x != nil {
			if x.SizeGiB != spec.SizeGiB || x.SKU != spec.SKU || x.Zone != spec.Zone {
				return api.Disk{}, api.Coded("Conflict", "A disk '%s' of another size, SKU or zone exists.", spec.Name)
			}
			return x.shown(), nil
		}
		x := &disk{Disk: api.Disk{
			Name: spec.Name, ID: d.ID(spec.Name), SizeGiB: spec.SizeGiB, SKU: spec.SKU, Zone: spec.Zone, Created: time.Now().UTC(), Tags: maps.Clone(spec.Tags),
		}}
		x.files = host.NewVolume(spec.Name, x.SizeGiB<<30)
		if spec.Source != "" {
			from, err := d.find(spec.Source)
			if err != nil {
				return api.Disk{}, err
			}
			x.files = from.files.Clone(spec.Name, x.SizeGiB<<30)
		}
		d.all[x.Name] = x
		d.tell(by, "created", x.Name, fmt.Sprintf("a managed disk of %d GiB, %s, %s", x.SizeGiB, x.SKU, zoneText(x.Zone)))
		return x.shown(), nil
	})
}

// Delete deletes a disk with all that is on it. An attached one cannot be.
func (d *Disks) Delete(ctx context.Context, name string, by timeline.Actor) error {
	_, err := d.change(ctx, name, "delete", diskDeleteTime, func(x *disk) error {
		if x.VM != "" {
			return api.Coded("OperationNotAllowed", "Disk %s is attached to VM %s.", x.ID, x.VM)
		}
		return d.there(x.Name, x.SKU, x.Zone)
	}, func(x *disk) { d.remove(by, x, x.Name, "managed disk") })
	return err
}

// Attach attaches a disk to a VM as a data disk. If it is attached to that already, that
// is the answer.
func (d *Disks) Attach(ctx context.Context, name, vm string, by timeline.Actor) (api.Disk, error) {
	d.lock.Lock()
	x := d.all[name]
	there := x != nil && x.VM == vm && x.busy == ""
	d.lock.Unlock()
	if there {
		return d.Get(ctx, name)
	}
	return d.change(ctx, name, "attach", diskAttachTime, func(x *disk) error { return d.attachable(x, vm) }, func(x *disk) {
		x.VM, x.LUN = vm, d.freeLUN(vm)
		x.times++
		d.tell(by, "attached", x.Name, fmt.Sprintf("the disk is attached to %s, LUN %d", vm, x.LUN))
	})
}

// attachable says in Azure's words why a disk cannot be attached to a VM.
func (d *Disks) attachable(x *disk, vm string) error {
	m, ok := d.machine(vm)
	switch {
	case !ok:
		return api.Coded("NotFound", "The VM '%s' was not found.", vm)
	case m.Lost:
		return zoneDown("VM", vm, m.Zone)
	case x.VM != "" && x.VM != vm:
		return api.Coded("ConflictingUserInput", "Disk '%s' cannot be attached as the disk is already owned by VM '%s'.", x.ID, x.VM)
	case x.Zone != "" && x.Zone != m.Zone && zonal(x.SKU):
		return api.Coded("BadRequest", "Disk '%s' in zone %s cannot be attached to VM '%s' in %s: a disk and its VM are in one zone.", x.Name, x.Zone, vm, zoneText(m.Zone))
	}
	if err := d.there(x.Name, x.SKU, x.Zone); err != nil {
		return err
	}
	if most := MaxDataDisks(m.Size); len(d.attached(vm)) >= most {
		return api.Coded("OperationNotAllowed", "The maximum number of data disks allowed to be attached to a VM of this size is %d.", most)
	}
	return nil
}

// Detach takes a disk from a VM. If it is not attached to that, nothing is to be done. Of a
// disk that is in all zones the VM may have no power: Azure's driver then takes it by force
// (Microsoft, "Detach a data disk from a Linux VM", force detach, 2026).
func (d *Disks) Detach(ctx context.Context, name, vm string, by timeline.Actor) error {
	d.lock.Lock()
	x := d.all[name]
	gone := x == nil || x.VM != vm && x.busy == ""
	d.lock.Unlock()
	if gone {
		return nil
	}
	_, err := d.change(ctx, name, "detach", diskDetachTime, func(x *disk) error { return d.there(x.Name, x.SKU, x.Zone) }, func(x *disk) {
		if x.VM == vm {
			x.VM, x.LUN = "", 0
			d.tell(by, "detached", x.Name, "the disk is detached from "+vm)
		}
	})
	return err
}

// Resize makes a disk larger.
func (d *Disks) Resize(ctx context.Context, name string, gib int64, by timeline.Actor) (api.Disk, error) {
	return d.change(ctx, name, "resize", diskResizeTime, func(x *disk) error {
		if gib < x.SizeGiB {
			return api.Coded("BadRequest", "Disk %s cannot be made smaller: it has %d GiB, and %d were asked for.", name, x.SizeGiB, gib)
		}
		if err := CheckDiskSize(gib); err != nil {
			return err
		}
		return d.there(x.Name, x.SKU, x.Zone)
	}, func(x *disk) {
		if gib != x.SizeGiB {
			x.SizeGiB = gib
			d.tell(by, "resized", x.Name, fmt.Sprintf("the disk has %d GiB", gib))
		}
	})
}

// Files are a disk's, if it is attached to that VM. The lock is held.
func (d *Disks) Files(name, vm string) (*host.Volume, bool) {
	x := d.all[name]
	if x == nil || x.VM != vm {
		return nil, false
	}
	return x.files, true
}

// Attachment is where a VM has a disk. A disk that was detached and attached again has
// another one.
type Attachment struct {
	LUN   int
	times int
}

// Attachment is where that VM has a disk, if it is attached to it. The lock is held.
func (d *Disks) Attachment(name, vm string) (Attachment, bool) {
	x := d.all[name]
	if x == nil || x.VM != vm {
		return Attachment{}, false
	}
	return Attachment{x.LUN, x.times}, true
}

// Size is a disk's in GiB, 0 if there is none. The lock is held.
func (d *Disks) Size(name string) int64 {
	if x := d.all[name]; x != nil {
		return x.SizeGiB
	}
	return 0
}

// VMGone detaches all disks of a VM that is deleted. The lock is held.
func (d *Disks) VMGone(vm string) {
	for _, x := range d.attached(vm) {
		x.VM, x.LUN = "", 0
		d.tell(timeline.Platform, "detached", x.Name, "the disk is detached: the VM "+vm+" is deleted")
	}
}

// there says why a disk cannot be reached: it is in one zone only, and that has no power.
func (d *Disks) there(name, sku, zone string) error {
	if zone != "" && zonal(sku) && d.Lost != nil && d.Lost(zone) {
		return zoneDown("disk", name, zone)
	}
	return nil
}

// zoneDown is what Azure's API answers about something in a zone that has no power: Azure
// publishes no text for that, so it is the one that it has for all that it did not foresee.
func zoneDown(noun, name, zone string) error {
	return api.Coded("InternalServerError", "Encountered internal server error. The %s '%s' is in zone %s, which does not answer.", noun, name, zone)
}

// attached are the disks of a VM, by LUN.
func (d *Disks) attached(vm string) (out []*disk) {
	for _, x := range d.all {
		if x.VM == vm {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b *disk) int { return cmp.Compare(a.LUN, b.LUN) })
	return out
}

func (d *Disks) freeLUN(vm string) (lun int) {
	for _, x := range d.attached(vm) {
		if x.LUN != lun {
			break
		}
		lun++
	}
	return lun
}
