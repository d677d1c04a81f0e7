package program

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing/fstest"

	"demarc/nodes/shell"
)

// Volume is files that do not go with the container that has mounted them. Names are
// relative to its root, which is "."; errors wrap those of package syscall. It locks
// what it needs by itself: [Plan], which runs under a lock, must not use it.
type Volume interface {
	Stat(name string) (shell.File, error)
	List(name string) ([]shell.File, error)
	Read(name string) ([]byte, error)
	Write(name string, b []byte, add bool) error
	Allocate(name string, size int64) error
	Mkdir(name string) error
	Chmod(name string, mode fs.FileMode) error
	Chown(name string, to shell.Owner) error
	Remove(name string, whole bool) error
}

// Device is a volume that can be on a device of its own: which has a name, if it is, and so
// much space.
type Device interface {
	Device() string
	Space() (used, size int64, err error)
}

// Mount is a volume, or one file of it, in a container's file system.
type Mount struct {
	Path     string
	Volume   Volume
	Sub      string // what of the volume is mounted; empty for all
	Type     string // of its file system; ext4 if empty
	File     bool   // that is a file
	ReadOnly bool
	NoExec   bool // no program of it can be run
}

// fileSystem is the mount's type, and options how it is mounted.
func (m Mount) fileSystem() string { return cmp.Or(m.Type, "ext4") }

// source is what is mounted: a device, or the type of the file system.
func (m Mount) source() string {
	if d, ok := m.Volume.(Device); ok {
		return cmp.Or(d.Device(), m.fileSystem())
	}
	return m.fileSystem()
}

func (m Mount) options() string {
	options := "rw"
	if m.ReadOnly {
		options = "ro"
	}
	if m.NoExec {
		options += ",noexec"
	}
	return options + ",relatime"
}

// below says whether a file is in the mount, and where from its root.
func (m Mount) below(name string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, strings.TrimSuffix(path.Clean("/"+m.Path), "/"))
	return rest, ok && (rest == "" || rest[0] == '/' && !m.File)
}

// root is the container's own file system.
func (s Spec) root() Mount { return Mount{Path: "/", Type: "overlay", ReadOnly: s.ReadOnlyRoot} }

// mountOf is the mount that a file is in.
func (s Spec) mountOf(name string) Mount {
	found, deepest := s.root(), 0
	for _, m := range s.Mounts {
		if _, ok := m.below(name); ok && len(m.Path) >= deepest {
			deepest, found = len(m.Path), m
		}
	}
	return found
}

// place is a file of a mounted volume.
type place struct {
	Mount
	inside string // its name in the volume
	name   string // in the container
}

// mount puts volumes where the container finds them. The lock is held.
func (d *Disk) mount(mounts []Mount) {
	d.mounts = slices.Clone(mounts)
	slices.SortStableFunc(d.mounts, func(a, b Mount) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	for _, m := range d.mounts {
		at := clean(m.Path)
		if d.all[at] == nil && at != "." {
			d.all[at] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
			if m.File {
				d.all[at] = &fstest.MapFile{Mode: 0o644}
			}
		}
	}
}

// within finds the volume that a file is in.
func (d *Disk) within(name string) (place, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = path.Clean("/" + name)
	for _, m := range d.mounts {
		if rest, ok := m.below(name); ok {
			return place{m, path.Join(".", m.Sub, rest), name}, true
		}
	}
	return place{}, false
}

// root says whether the place is where the volume is mounted.
func (p place) root() bool { return p.name == path.Clean("/"+p.Path) }

// problem is an error of a volume with the container's name of the file.
func (p place) problem(op string, err error) error {
	if err == nil {
		return nil
	}
	var number syscall.Errno
	if !errors.As(err, &number) {
		number = syscall.EIO
	}
	return &fs.PathError{Op: op, Path: p.name, Err: number}
}

// change changes something in the volume, if it may be changed.
func (p place) change(op string, change func() error) error {
	if p.ReadOnly {
		return p.problem(op, syscall.EROFS)
	}
	return p.problem(op, change())
}

// make makes something in the volume, or changes it; what is new is own's.
func (p place) make(op string, own shell.Owner, change func() error) error {
	if own == (shell.Owner{}) {
		return p.change(op, change)
	}
	_, missing := p.Volume.Stat(p.inside)
	return p.change(op, func() error {
		if err := change(); err != nil || missing == nil {
			return err
		}
		return p.Volume.Chown(p.inside, own)
	})
}

func (p place) stat() (shell.File, error) {
	f, err := p.Volume.Stat(p.inside)
	f.Path, f.Owner = p.name, inFull(f.Owner)
	return f, p.problem("stat", err)
}

// list is what is in a directory of the volume, and what is mounted in it.
func (p place) list(mounts []Mount) ([]shell.File, error) {
	files, err := p.Volume.List(p.inside)
	for i := range files {
		files[i].Path, files[i].Owner = path.Join(p.name, path.Base(files[i].Path)), inFull(files[i].Owner)
	}
	for _, m := range mounts {
		at := path.Clean("/" + m.Path)
		if path.Dir(at) == p.name && at != p.name && !slices.ContainsFunc(files, func(f shell.File) bool { return f.Path == at }) {
			files = append(files, shell.File{Path: at, Mode: 0o755, Dir: !m.File})
		}
	}
	return files, p.problem("open", err)
}

func (p place) remove(whole bool) error {
	if p.root() && !p.ReadOnly {
		return p.problem("remove", syscall.EBUSY)
	}
	return p.change("remove", func() error { return p.Volume.Remove(p.inside, whole) })
}

// sealed says whether the container's own file system is read-only there.
func (d *Disk) sealed(key string) bool {
	return d.readOnly && key != "dev" && !strings.HasPrefix(key, "dev/")
}
