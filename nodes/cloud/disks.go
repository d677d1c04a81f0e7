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

// Tags of a disk that was made for a claim (kubernetes-sigs/azuredisk-csi-driver,
// pkg/azureconstants).
const (
	TagClaim     = "kubernetes.io-created-for-pvc-name"
	TagNamespace = "kubernetes.io-created-for-pvc-namespace"
	TagVolume    = "kubernetes.io-created-for-pv-name"
)

// Errors with which [Disks.Break] has calls fail, in the words of Azure Resource Manager.
var (
	ErrThrottled = api.Coded("TooManyRequests", "The request is being throttled as the limit has been reached for operation type - Disks. "+
		"For more information, see https://aka.ms/srpthrottlinglimits (HTTP status 429, Retry-After: 30)")
	ErrInternal = api.Coded("InternalServerError", "Encountered internal server error.")
)

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
type Machine struct{ Size, Zone string }

// Disks are the managed disks of a node resource group. Those of its methods that take a
// context are calls of Azure's API, which take time, and may be called from any goroutine;
// of the others each says whether it wants the lock.
type Disks struct {
	lock    *sync.Mutex
	log     *timeline.Log
	group   string // the resource ID of the resource group
	machine func(name string) (Machine, bool)

	disks  map[string]*disk
	broken error // why every call fails; nil if none does
	// Changed is called, without the lock, when disks have changed; nil for nobody.
	Changed func()
}

// disk is one of them. All is under the lock.
type disk struct {
	api.Disk
	files *host.Volume
	busy  string // the call that is under way
	times int    // it was attached, as far as this engine knows
}

// NewDisks makes the disks of the resource group with that resource ID. machine is a VM of
// the group, by its name; it is called with the lock held.
func NewDisks(lock *sync.Mutex, log *timeline.Log, group string, machine func(name string) (Machine, bool)) *Disks {
	return &Disks{lock: lock, log: log, group: group, machine: machine, disks: map[string]*disk{}}
}

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

// Break has every call fail with an error, until it is called with nil.
func (d *Disks) Break(err error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.broken = err
}

// List is all disks, by name.
func (d *Disks) List() []api.Disk {
	d.lock.Lock()
	defer d.lock.Unlock()
	out := make([]api.Disk, 0, len(d.disks))
	for _, name := range slices.Sorted(maps.Keys(d.disks)) {
		out = append(out, d.disks[name].shown())
	}
	return out
}

// Get is a disk. The error has Azure's code ResourceNotFound if there is none.
func (d *Disks) Get(ctx context.Context, name string) (api.Disk, error) {
	return d.call(ctx, 0, func() (api.Disk, error) {
		x, err := d.find(name)
		if err != nil {
			return api.Disk{}, err
		}
		return x.shown(), nil
	})
}

// shown is the disk as it is now.
func (x *disk) shown() api.Disk {
	out := x.Disk
	out.Tier, out.Tags, out.Used, out.State = diskTier(x.SKU, x.SizeGiB), maps.Clone(x.Tags), x.files.Used(), api.DiskUnattached
	if x.VM != "" {
		out.State = api.DiskAttached
	}
	if claim := x.Tags[TagClaim]; claim != "" {
		out.Claim = x.Tags[TagNamespace] + "/" + claim
	}
	return out
}

func (d *Disks) find(name string) (*disk, error) {
	if x := d.disks[name]; x != nil {
		return x, nil
	}
	return nil, api.Coded("ResourceNotFound", "The Resource 'Microsoft.Compute/disks/%s' under resource group '%s' was not found. "+
		"For more details please go to https://aka.ms/ARMResourceNotFoundFix", name, d.group[strings.LastIndex(d.group, "/")+1:])
}

// call is one call of Azure's API: it is refused at once, or has its effect after a time.
func (d *Disks) call(ctx context.Context, takes time.Duration, do func() (api.Disk, error)) (api.Disk, error) {
	d.lock.Lock()
	err := d.broken
	d.lock.Unlock()
	if err != nil {
		return api.Disk{}, err
	}
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return api.Disk{}, ctx.Err()
		}
	}
	d.lock.Lock()
	out, err := do()
	d.lock.Unlock()
	if d.Changed != nil && err == nil && takes > 0 {
		d.Changed()
	}
	return out, err
}

// change is a call that changes a disk, which no other may do meanwhile. check says why it
// cannot be.
func (d *Disks) change(ctx context.Context, name, what string, takes time.Duration, check func(*disk) error, do func(*disk)) (api.Disk, error) {
	d.lock.Lock()
	x, err := d.find(name)
	switch {
	case err != nil:
	case x.busy != "":
		err = api.Coded("OperationNotAllowed", "Cannot %s disk '%s', because it is the subject of another operation: %s.", what, name, x.busy)
	default:
		err = check(x)
	}
	if err == nil {
		x.busy = what
	}
	d.lock.Unlock()
	if err != nil {
		return api.Disk{}, err
	}
	done := false
	out, err := d.call(ctx, takes, func() (api.Disk, error) {
		done, x.busy = true, ""
		if err := check(x); err != nil { // the world has gone on
			return api.Disk{}, err
		}
		do(x)
		return x.shown(), nil
	})
	if !done {
		d.lock.Lock()
		x.busy = ""
		d.lock.Unlock()
	}
	return out, err
}

// Create makes a disk. One that is there already and is like it is the answer.
func (d *Disks) Create(ctx context.Context, spec DiskSpec, by timeline.Actor) (api.Disk, error) {
	if err := spec.Check(); err != nil {
		return api.Disk{}, err
	}
	return d.call(ctx, diskCreateTime, func() (api.Disk, error) {
		if x := d.disks[spec.Name]; x != nil {
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
		d.disks[x.Name] = x
		d.tell(by, "created", x, fmt.Sprintf("a managed disk of %d GiB, %s, %s", x.SizeGiB, x.SKU, zoneText(x.Zone)))
		return x.shown(), nil
	})
}

// Delete deletes a disk with all that is on it. An attached one cannot be. The provider
// does it when a PersistentVolume is reclaimed.
func (d *Disks) Delete(ctx context.Context, name string, by timeline.Actor) error {
	_, err := d.change(ctx, name, "delete", diskDeleteTime, func(x *disk) error {
		if x.VM != "" {
			return api.Coded("OperationNotAllowed", "Disk %s is attached to VM %s.", x.ID, x.VM)
		}
		return nil
	}, func(x *disk) {
		delete(d.disks, name)
		if by == timeline.Provider {
			d.tell(by, "reclaimed", x, "the managed disk is deleted, with what was on it")
		} else {
			d.tell(by, "deleted", x, "the managed disk is gone, with what was on it")
		}
	})
	return err
}

// Attach attaches a disk to a VM as a data disk. If it is attached to that already, that
// is the answer.
func (d *Disks) Attach(ctx context.Context, name, vm string, by timeline.Actor) (api.Disk, error) {
	d.lock.Lock()
	x := d.disks[name]
	there := x != nil && x.VM == vm && x.busy == ""
	d.lock.Unlock()
	if there {
		return d.Get(ctx, name)
	}
	return d.change(ctx, name, "attach", diskAttachTime, func(x *disk) error { return d.attachable(x, vm) }, func(x *disk) {
		x.VM, x.LUN = vm, d.freeLUN(vm)
		x.times++
		d.tell(by, "attached", x, fmt.Sprintf("the disk is attached to %s, LUN %d", vm, x.LUN))
	})
}

// attachable says in Azure's words why a disk cannot be attached to a VM.
func (d *Disks) attachable(x *disk, vm string) error {
	m, ok := d.machine(vm)
	switch {
	case !ok:
		return api.Coded("NotFound", "The VM '%s' was not found.", vm)
	case x.VM != "" && x.VM != vm:
		return api.Coded("ConflictingUserInput", "Disk '%s' cannot be attached as the disk is already owned by VM '%s'.", x.ID, x.VM)
	case x.Zone != "" && x.Zone != m.Zone && zonal(x.SKU):
		return api.Coded("BadRequest", "Disk '%s' in zone %s cannot be attached to VM '%s' in %s: a disk and its VM are in one zone.", x.Name, x.Zone, vm, zoneText(m.Zone))
	}
	if most := MaxDataDisks(m.Size); len(d.attached(vm)) >= most {
		return api.Coded("OperationNotAllowed", "The maximum number of data disks allowed to be attached to a VM of this size is %d.", most)
	}
	return nil
}

// Detach takes a disk from a VM. If it is not attached to that, nothing is to be done.
func (d *Disks) Detach(ctx context.Context, name, vm string, by timeline.Actor) error {
	d.lock.Lock()
	x := d.disks[name]
	gone := x == nil || x.VM != vm && x.busy == ""
	d.lock.Unlock()
	if gone {
		return nil
	}
	_, err := d.change(ctx, name, "detach", diskDetachTime, func(*disk) error { return nil }, func(x *disk) {
		if x.VM == vm {
			x.VM, x.LUN = "", 0
			d.tell(by, "detached", x, "the disk is detached from "+vm)
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
		return CheckDiskSize(gib)
	}, func(x *disk) {
		if gib != x.SizeGiB {
			x.SizeGiB = gib
			d.tell(by, "resized", x, fmt.Sprintf("the disk has %d GiB", gib))
		}
	})
}

// Files are a disk's, if it is attached to that VM. The lock is held.
func (d *Disks) Files(name, vm string) (*host.Volume, bool) {
	x := d.disks[name]
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
	x := d.disks[name]
	if x == nil || x.VM != vm {
		return Attachment{}, false
	}
	return Attachment{x.LUN, x.times}, true
}

// Size is a disk's in GiB, 0 if there is none. The lock is held.
func (d *Disks) Size(name string) int64 {
	if x := d.disks[name]; x != nil {
		return x.SizeGiB
	}
	return 0
}

// VMGone detaches all disks of a VM that is deleted. The lock is held.
func (d *Disks) VMGone(vm string) {
	for _, x := range d.attached(vm) {
		x.VM, x.LUN = "", 0
		d.tell(timeline.Platform, "detached", x, "the disk is detached: the VM "+vm+" is deleted")
	}
}

// attached are the disks of a VM, by LUN.
func (d *Disks) attached(vm string) (out []*disk) {
	for _, x := range d.disks {
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

// tell puts on the timeline what was done to a disk; past AKS, unless the provider did it.
func (d *Disks) tell(by timeline.Actor, verb timeline.Verb, x *disk, message string) {
	e := timeline.Event{Time: time.Now(), Actor: by, Verb: verb, Subject: "manageddisk/" + x.Name, Message: message}
	if by == timeline.Customer {
		e.Detail = &timeline.Detail{Resource: true}
	}
	d.log.Append(e)
}
