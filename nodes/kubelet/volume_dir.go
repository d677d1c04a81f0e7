package kubelet

import (
	"io/fs"
	"path"
	"strconv"
	"syscall"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/nodes/shell"

	corev1 "k8s.io/api/core/v1"
)

// nodeDir is a directory of the node's disk, or a file, as a volume. Its methods are
// called by programs, which do not hold the lock.
type nodeDir struct {
	p    *pod
	path string
	lazy bool // a directory that is there from when something is first written to it
	own  bool // the pod's, and no change of the machine's
	// grouped says that the pod's fsGroup is its files' group.
	grouped bool
	// disk is the managed disk that it is on; empty for the node's own. attachment is how it
	// was attached when it was mounted.
	disk       string
	attachment cloud.Attachment
	// share is the file share that it is on; nil for none.
	share *fileShare
}

// emptyDir is where the node keeps one. What is in /run is in memory, and takes no disk.
func (p *pod) emptyDir(v *corev1.Volume) nodeDir {
	dir := p.dir()
	if v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory {
		dir = p.memoryDir()
	}
	return nodeDir{p: p, path: path.Join(dir, "volumes/kubernetes.io~empty-dir", v.Name), lazy: true, own: true, grouped: true}
}

// dir and memoryDir are where the node keeps what is the pod's.
func (p *pod) dir() string       { return path.Join(host.PodsDir, string(p.uid)) }
func (p *pod) memoryDir() string { return path.Join("/run/kubelet/pods", string(p.uid)) }

// removeVolumes removes what the node keeps for the pod.
func (p *pod) removeVolumes(now time.Time) {
	for _, dir := range []string{p.dir(), p.memoryDir()} {
		if _, err := p.k.m.OS.Stat(dir); err == nil {
			_ = p.k.m.OS.Delete(now, dir, true) // it is there
		}
	}
}

// at is a file's name on the node.
func (d nodeDir) at(name string) string { return path.Join(d.path, name) }

// virtual says whether the file is the root of a directory that will be there when it is
// written to.
func (d nodeDir) virtual(name string, err error) bool {
	return d.lazy && name == "." && err != nil
}

// look reads the disk.
func (d nodeDir) look(f func(t tree) error) error {
	d.p.k.ks.Lock.Lock()
	defer d.p.k.ks.Lock.Unlock()
	t, err := d.tree()
	if err != nil {
		return err
	}
	return f(t)
}

// stat is the directory itself. The lock is held.
func (d nodeDir) stat() (host.File, error) {
	t, err := d.tree()
	if err != nil {
		return host.File{}, err
	}
	return t.Stat(d.path)
}

// change changes the disk. If that is the node's, the kubelet and the machine follow.
func (d nodeDir) change(f func(now time.Time, t tree) error) error {
	k, now := d.p.k, time.Now()
	k.ks.Lock.Lock()
	defer k.ks.Lock.Unlock()
	t, err := d.tree()
	if err == nil && d.lazy {
		err = t.MakeDirs(now, d.path, 0o777)
	}
	if err != nil {
		return err
	}
	err = f(now, t)
	switch {
	case d.disk != "" || d.share != nil:
	case d.own:
		d.p.checkLimits(now)
		short := len(k.pressure)
		if k.checkShort(now); len(k.pressure) != short {
			k.ks.Timers.Wake(k.item)
		}
	case k.ks.Follow != nil:
		k.ks.Follow(k.m.Name, now)
	}
	return err
}

// Stat implements [program.Volume].
func (d nodeDir) Stat(name string) (f shell.File, err error) {
	err = d.look(func(t tree) error {
		found, err := t.Stat(d.at(name))
		if d.virtual(name, err) {
			found, err = host.File{Dir: true, Mode: 0o777}, nil
		}
		f = d.shown(found)
		return err
	})
	return f, err
}

// shown is a file as containers see it. The pod's fsGroup is the group of what nobody has
// given another (kubernetes 1.37, pkg/volume: SetVolumeOwnership).
func (d nodeDir) shown(f host.File) shell.File {
	if d.share != nil && !d.share.nfs {
		own, mode := d.share.owns(f.Dir)
		return shell.File{Path: f.Path, Size: f.Size, Mode: mode, Dir: f.Dir, ModTime: f.ModTime, Owner: own}
	}
	own, mode := shell.Owner(f.Owner), f.Mode.Perm()
	if s := d.p.spec.Spec.SecurityContext; d.grouped && s != nil && s.FSGroup != nil && own.Group == "" {
		own.Group = strconv.FormatInt(*s.FSGroup, 10)
		switch {
		case d.disk == "" && d.share == nil:
		case f.Dir:
			mode |= 0o770
		default:
			mode |= 0o660
		}
	}
	return shell.File{Path: f.Path, Size: f.Size, Mode: mode, Dir: f.Dir, ModTime: f.ModTime, Owner: own}
}

// List implements [program.Volume].
func (d nodeDir) List(name string) (files []shell.File, err error) {
	err = d.look(func(t tree) error {
		list, err := t.List(d.at(name))
		if d.virtual(name, err) {
			return nil
		}
		for _, f := range list {
			files = append(files, d.shown(f))
		}
		return err
	})
	return files, err
}

// Read implements [program.Volume].
func (d nodeDir) Read(name string) (b []byte, err error) {
	err = d.look(func(tree) (err error) {
		b, err = d.peek(name)
		return err
	})
	return b, err
}

// peek is Read for who holds the lock.
func (d nodeDir) peek(name string) ([]byte, error) {
	t, err := d.tree()
	if err != nil {
		return nil, err
	}
	f, err := t.Stat(d.at(name))
	switch {
	case d.virtual(name, err), err == nil && f.Dir:
		return nil, syscall.EISDIR
	case err != nil || f.Size > shell.MaxRead: // of what is larger, nothing was kept
		return nil, err
	}
	return t.Read(d.at(name))
}

// Write implements [program.Volume].
func (d nodeDir) Write(name string, b []byte, add bool) error {
	return d.change(func(now time.Time, t tree) error { return t.Write(now, d.at(name), b, add) })
}

// Allocate implements [program.Volume].
func (d nodeDir) Allocate(name string, size int64) error {
	return d.change(func(now time.Time, t tree) error { return t.Allocate(now, d.at(name), size) })
}

// Mkdir implements [program.Volume].
func (d nodeDir) Mkdir(name string) error {
	return d.change(func(now time.Time, t tree) error { return t.Mkdir(now, d.at(name)) })
}

// Chmod implements [program.Volume]. SMB has no modes and owners to change.
func (d nodeDir) Chmod(name string, mode fs.FileMode) error {
	if d.share != nil && !d.share.nfs {
		_, err := d.Stat(name)
		return err
	}
	return d.change(func(now time.Time, t tree) error { return t.Chmod(now, d.at(name), mode) })
}

// Chown implements [program.Volume].
func (d nodeDir) Chown(name string, to shell.Owner) error {
	if d.share != nil && !d.share.nfs {
		_, err := d.Stat(name)
		return err
	}
	return d.change(func(now time.Time, t tree) error { return t.Chown(now, d.at(name), host.Owner(to)) })
}

// Remove implements [program.Volume].
func (d nodeDir) Remove(name string, whole bool) error {
	return d.change(func(now time.Time, t tree) error { return t.Delete(now, d.at(name), whole) })
}

// limitPeriod is how often a kubelet looks at the limits of local storage (kubernetes
// 1.37, pkg/kubelet/eviction: monitoringInterval).
const limitPeriod = evictionInterval

// checkLimits plans a look at an emptyDir that is larger than its limit.
func (p *pod) checkLimits(now time.Time) {
	if p.limitAt.IsZero() && p.overLimit() != "" {
		p.limitAt = now.Truncate(limitPeriod).Add(limitPeriod)
		p.k.ks.Timers.Wake(p)
	}
}

// overLimit says in the kubelet's words which emptyDir is larger than it may be; empty if
// none is.
func (p *pod) overLimit() string {
	for i := range p.spec.Spec.Volumes {
		v := &p.spec.Spec.Volumes[i]
		if v.EmptyDir == nil || v.EmptyDir.SizeLimit == nil || v.EmptyDir.SizeLimit.Sign() <= 0 {
			continue
		}
		if p.k.m.OS.Usage(p.emptyDir(v).path) > v.EmptyDir.SizeLimit.Value() {
			return "Usage of EmptyDir volume \"" + v.Name + "\" exceeds the limit \"" + v.EmptyDir.SizeLimit.String() + "\". "
		}
	}
	return ""
}

// heedLimits evicts a pod one of whose emptyDirs is too large when the kubelet looks.
func (p *pod) heedLimits(now time.Time) {
	switch {
	case p.limitAt.IsZero() || p.killing:
	case now.Before(p.limitAt):
		p.at(p.limitAt)
	default:
		p.limitAt = time.Time{}
		if why := p.overLimit(); why != "" {
			p.evict(now, why)
		}
	}
}
