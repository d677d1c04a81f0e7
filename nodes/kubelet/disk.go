package kubelet

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/nodes/program"
	"demarc/nodes/shell"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// lunPatience is how long the driver looks on a node for a disk that it was told is
// attached (kubernetes-sigs/azuredisk-csi-driver, pkg/azuredisk: getDevicePathWithLUN).
const lunPatience = 2 * time.Minute

// staged says in the driver's words why a volume cannot be staged on the node; nil if it
// can be. It is errNotAttached while the driver looks for a disk, which it tells by itself if
// it does not find it.
func (p *pod) staged(c *claim, now time.Time) error {
	s := c.pv.Spec.CSI
	failed := func(err error) error {
		if block(c.pv) {
			return blockError{fmt.Errorf("MapVolume.SetUpDevice failed for volume %q : %w", c.pv.Name, err)}
		}
		return fmt.Errorf("MountVolume.MountDevice failed for volume %q : %w", c.pv.Name, err)
	}
	switch {
	case !registered(s.Driver):
		return failed(fmt.Errorf("kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: %w", noDriver(s.Driver)))
	case s.Driver == cloud.FileDriver:
		if err := p.sharable(c.pv); err != nil {
			return failed(err)
		}
		return nil
	case !slices.Contains(p.k.told, uniqueName(s)):
		return errNotAttached // the kubelet says first that it is in use
	}
	if _, there := p.k.ks.Disks.Attachment(p.k.ks.Disks.NameOf(s.VolumeHandle), p.k.m.Name); there {
		return nil
	}
	switch {
	case c.sought.IsZero():
		c.sought = now
	case !now.Before(c.sought.Add(lunPatience)):
		c.sought = now
		p.failedMount(now, failed(fmt.Errorf("rpc error: code = Internal desc = failed to find disk on lun %s. timed out waiting for the condition", cmp.Or(c.lun, "0"))))
	}
	p.at(c.sought.Add(lunPatience))
	return errNotAttached
}

// blockError is why a volume cannot be given to a pod as a device.
type blockError struct{ error }

// block says whether the volume is a device, and no file system.
func block(pv *corev1.PersistentVolume) bool {
	return ptr.Deref(pv.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) == corev1.PersistentVolumeBlock
}

// managedDisk is the file system of a managed disk, as it is attached to the node now. The pod
// keeps that: what is detached under it does not come back.
func (p *pod) managedDisk(s *corev1.CSIPersistentVolumeSource) nodeDir {
	d := nodeDir{p: p, path: "/", disk: p.k.ks.Disks.NameOf(s.VolumeHandle), grouped: true}
	known := false
	if d.attachment, known = p.attachments[d.disk]; !known {
		d.attachment, _ = p.k.ks.Disks.Attachment(d.disk, p.k.m.Name)
		if p.attachments == nil {
			p.attachments = map[string]cloud.Attachment{}
		}
		p.attachments[d.disk] = d.attachment
	}
	return d
}

// tree is a file system.
type tree interface {
	Stat(name string) (host.File, error)
	List(dir string) ([]host.File, error)
	Read(name string) ([]byte, error)
	Write(now time.Time, name string, data []byte, add bool) error
	Allocate(now time.Time, name string, size int64) error
	Mkdir(now time.Time, name string) error
	MakeDirs(now time.Time, name string, mode fs.FileMode) error
	Chmod(now time.Time, name string, mode fs.FileMode) error
	Chown(now time.Time, name string, to host.Owner) error
	Delete(now time.Time, name string, recursive bool) error
}

// tree is the file system that the directory is in. That of a disk which was detached since
// it was mounted cannot be read or written, nor a share that was deleted. The lock is held.
func (d nodeDir) tree() (tree, error) {
	if d.disk == "" && d.share == nil {
		return d.p.k.m.OS, nil
	}
	return d.volume()
}

// volume is the disk or the file share that the directory is on.
func (d nodeDir) volume() (*host.Volume, error) {
	if d.share != nil {
		return d.share.volume(d.p.k.ks.Shares)
	}
	disks, node := d.p.k.ks.Disks, d.p.k.m.Name
	files, ok := disks.Files(d.disk, node)
	if at, _ := disks.Attachment(d.disk, node); !ok || at != d.attachment {
		return nil, syscall.EIO
	}
	return files, nil
}

// Device implements [program.Device].
func (d nodeDir) Device() string {
	switch {
	case d.share != nil:
		return d.share.source
	case d.disk == "":
		return ""
	}
	return "/dev/sd" + string(rune('c'+d.attachment.LUN)) // behind the system's and the temporary disk
}

// Space implements [program.Device].
func (d nodeDir) Space() (used, size int64, err error) {
	d.p.k.ks.Lock.Lock()
	defer d.p.k.ks.Lock.Unlock()
	v, err := d.volume()
	if err != nil {
		return 0, 0, err
	}
	return v.Used(), v.Size(), nil
}

// devices are the volumes that a container has as devices.
func (p *pod) devices(c *corev1.Container) (out []program.Mount, err error) {
	for _, d := range c.VolumeDevices {
		if !slices.ContainsFunc(p.spec.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == d.Name }) {
			return nil, fmt.Errorf("cannot find volume %q to pass into container %q", d.Name, c.Name)
		}
		out = append(out, program.Mount{Path: d.DevicePath, Volume: device{}, Type: "devtmpfs", File: true})
	}
	return out, nil
}

// device is a disk without a file system. It takes what is written to it, and has nothing to
// read.
type device struct{}

// Stat implements [program.Volume].
func (device) Stat(name string) (shell.File, error) {
	if name != "." {
		return shell.File{}, syscall.ENOTDIR
	}
	return shell.File{Path: name, Mode: 0o660}, nil
}

func (device) peek(string) ([]byte, error)       { return nil, nil }
func (device) List(string) ([]shell.File, error) { return nil, syscall.ENOTDIR }
func (device) Read(string) ([]byte, error)       { return nil, nil }
func (device) Write(string, []byte, bool) error  { return nil }
func (device) Allocate(string, int64) error      { return syscall.ENODEV }
func (device) Mkdir(string) error                { return syscall.EEXIST }
func (device) Chmod(string, fs.FileMode) error   { return nil }
func (device) Chown(string, shell.Owner) error   { return nil }
func (device) Remove(string, bool) error         { return syscall.EBUSY }
