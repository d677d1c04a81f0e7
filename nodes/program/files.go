package program

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing/fstest"
	"time"

	"demarc/nodes/image"
	"demarc/nodes/shell"
	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/interp"
)

const (
	// maxDisk is how many bytes a container can write: it is memory of ours.
	maxDisk = 16 << 20
	// entrySize is what a file takes beside its content.
	entrySize = 256
	// maxFiles is how many there can be: to look for one means to look at all.
	maxFiles = 4096
)

// written is what all containers together can write.
var written = guard.NewPool(512 << 20)

// Disk is the file system of one instance of a container, in memory: what its
// program writes, commands that are run in it later can read. It is safe for
// use by several goroutines.
type Disk struct {
	mu      sync.Mutex
	all     fstest.MapFS
	mounted map[string]bool // files that are read-only
	size    *int64          // of what was written
	more    bool            // programs were installed

	mounts   []Mount // the deepest first
	readOnly bool    // all but what is mounted

	own shell.Owner // of what is made
}

// extended says whether programs were installed; the image may have any then.
func (d *Disk) extended() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.more
}

func (d *Disk) extend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.more = true
}

// NewDisk returns the disk of a container that has not begun to run.
func NewDisk() *Disk {
	d := &Disk{mounted: map[string]bool{}, size: new(int64)}
	runtime.AddCleanup(d, func(size *int64) { written.Give(*size) }, d.size)
	return d
}

// grow takes n bytes more of the disk, or gives some back.
func (d *Disk) grow(n int) bool {
	if *d.size+int64(n) > maxDisk || n > 0 && !written.Take(int64(n)) {
		return false
	}
	if n < 0 {
		written.Give(int64(-n))
	}
	*d.size += int64(n)
	return true
}

// attach makes the disk what the container sees: at first what every container
// finds, and each time what is mounted now.
func (d *Disk) attach(s Spec) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all, d.readOnly, d.own = before(s), s.ReadOnlyRoot, s.owner()
		d.mount(s.Mounts)
	}
	for name := range d.mounted {
		if _, ok := s.Files["/"+name]; !ok {
			delete(d.all, name)
			delete(d.mounted, name)
		}
	}
	for name, b := range s.Files {
		if strings.HasSuffix(name, "/") {
			if d.all[clean(name)] == nil {
				d.all[clean(name)] = &fstest.MapFile{Mode: fs.ModeDir | 0o777}
			}
			continue
		}
		d.all[clean(name)] = &fstest.MapFile{Data: b, Mode: 0o644}
		d.mounted[clean(name)] = true
	}
}

// before is what a container's files are before it runs.
func before(s Spec) fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range map[string]string{
		"etc/hostname":    s.Hostname + "\n",
		"etc/hosts":       "127.0.0.1\tlocalhost\n" + s.PodIP + "\t" + s.Hostname + "\n",
		"etc/resolv.conf": "search " + s.Namespace + ".svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.0.0.10\noptions ndots:5\n",
		"etc/passwd":      "root:x:0:0:root:/root:/bin/sh\n",
		"etc/os-release":  "NAME=\"demarc simulated container\"\n",
		"proc/1/cmdline":  image.Short(s.Image) + "\x00",
		"proc/1/comm":     image.Short(s.Image) + "\n",
		"proc/1/status":   fmt.Sprintf(status, image.Short(s.Image)),
		"proc/1/environ":  strings.Join(s.Env, "\x00"),
		"proc/1/cgroup":   "0::/\n",
		"proc/uptime":     "0.00 0.00\n",
		"proc/loadavg":    "0.00 0.00 0.00 1/1 1\n",
	} {
		all[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	for name, value := range sysctls(s) {
		all[sysctlFile(name)] = &fstest.MapFile{Data: []byte(value + "\n"), Mode: 0o644}
	}
	if s.Entry != nil {
		for name, text := range s.Entry.Files {
			all[clean(name)] = &fstest.MapFile{Data: []byte(text), Mode: 0o755}
		}
	}
	for _, dir := range []string{"tmp", "root", "bin", "usr/bin", "var/log", "var/tmp", "dev", "run", "home", "mnt", "opt", clean(s.WorkingDir)} {
		if dir != "." {
			all[dir] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
		}
	}
	return all
}

// status is what Linux tells of process 1.
const status = "Name:\t%s\nState:\tS (sleeping)\nTgid:\t1\nPid:\t1\nPPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nThreads:\t1\nVmRSS:\t    4096 kB\n"

// clean is a path from the root as io/fs wants it.
func clean(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name == "" {
		return "."
	}
	return name
}

// Read implements [shell.Files].
func (d *Disk) Read(_, name string) ([]byte, error) {
	if p, ok := d.within(name); ok {
		b, err := p.Volume.Read(p.inside)
		return b, p.problem("open", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if info, err := d.all.Stat(clean(name)); err == nil && info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EISDIR}
	}
	b, err := d.all.ReadFile(clean(name))
	return b, failure("open", name, err)
}

// Stat implements [shell.Files].
func (d *Disk) Stat(name string) (shell.File, error) {
	if p, ok := d.within(name); ok {
		return p.stat()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := d.all.Stat(clean(name))
	if err != nil {
		return shell.File{}, failure("stat", name, err)
	}
	return fileOf(path.Clean("/"+name), info), nil
}

func fileOf(name string, i fs.FileInfo) shell.File {
	own, _ := i.Sys().(shell.Owner) // of what the image has there is none: it is root's
	return shell.File{Path: name, Size: i.Size(), Mode: i.Mode().Perm(), Dir: i.IsDir(), ModTime: i.ModTime(), Owner: inFull(own)}
}

// List implements [shell.Files].
func (d *Disk) List(_, name string) (files []shell.File, err error) {
	if p, ok := d.within(name); ok {
		return p.list(d.mounts)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	entries, err := d.all.ReadDir(clean(name))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			files = append(files, fileOf(path.Join("/", name, e.Name()), info))
		}
	}
	return files, failure("open", name, err)
}

// Access implements [shell.Files]: every file is root's.
func (d *Disk) Access(_, name string, mode interp.AccessMode) error {
	f, err := d.Stat(name)
	if p, ok := d.within(name); ok && err == nil && p.NoExec && !f.Dir && mode&interp.AccessExec != 0 {
		return p.problem("access", syscall.EACCES)
	}
	return err
}

// Allocate implements [shell.Files]: a container has no room for what has no content.
func (d *Disk) Allocate(_, name string, size int64) error {
	if p, ok := d.within(name); ok {
		return p.change("write", func() error { return p.Volume.Allocate(p.inside, size) })
	}
	return &fs.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
}

// failure is an error in the kernel's words.
func failure(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT}
}

// Write implements [shell.Files].
func (d *Disk) Write(_, name string, b []byte, add bool) error {
	if p, ok := d.within(name); ok {
		return p.make("open", d.own, func() error { return p.Volume.Write(p.inside, b, add) })
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := clean(name)
	old := d.all[key]
	switch {
	case d.mounted[key], d.sealed(key):
		return &fs.PathError{Op: "open", Path: name, Err: syscall.EROFS}
	case old != nil && old.Mode.IsDir():
		return &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	case !d.directory(path.Dir(key)):
		return &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	}
	file := &fstest.MapFile{Mode: 0o644, ModTime: time.Now(), Sys: d.own}
	if old != nil {
		file.Mode, file.Sys = old.Mode, old.Sys
	}
	more := len(b)
	switch {
	case old == nil:
		more += entrySize + len(key)
	case add:
		file.Data = old.Data
	default:
		more -= len(old.Data)
	}
	if old == nil && len(d.all) >= maxFiles || !d.grow(more) {
		return &fs.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
	}
	file.Data = append(file.Data, b...)
	d.all[key] = file
	return nil
}

// directory says whether there is a directory: one that was made, or that a mounted file is
// in.
func (d *Disk) directory(key string) bool {
	if f := d.all[key]; f != nil || key == "." {
		return key == "." || f.Mode.IsDir()
	}
	info, err := d.all.Stat(key)
	return err == nil && info.IsDir()
}

// Mkdir implements [shell.Files].
func (d *Disk) Mkdir(_, name string) error {
	if p, ok := d.within(name); ok {
		return p.make("mkdir", d.own, func() error { return p.Volume.Mkdir(p.inside) })
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := clean(name)
	if d.sealed(key) {
		return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.EROFS}
	}
	if len(d.all) >= maxFiles || !d.grow(entrySize+len(key)) {
		return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOSPC}
	}
	d.all[key] = &fstest.MapFile{Mode: fs.ModeDir | 0o755, Sys: d.own}
	return nil
}

// changeable finds a file of the container's own, unless it is read-only. The lock is held.
func (d *Disk) changeable(op, name string) (key string, info fs.FileInfo, err error) {
	key = clean(name)
	info, err = d.all.Stat(key)
	if err == nil && (d.mounted[key] || d.sealed(key)) {
		return key, info, &fs.PathError{Op: op, Path: name, Err: syscall.EROFS}
	}
	return key, info, failure(op, name, err)
}

// Chmod implements [shell.Files].
func (d *Disk) Chmod(_, name string, mode fs.FileMode) error {
	if p, ok := d.within(name); ok {
		return p.change("chmod", func() error { return p.Volume.Chmod(p.inside, mode) })
	}
	return d.alter("chmod", name, func(f *fstest.MapFile) { f.Mode = f.Mode.Type() | mode.Perm() })
}

// Chown implements [shell.Owners].
func (d *Disk) Chown(_, name string, to shell.Owner) error {
	if p, ok := d.within(name); ok {
		return p.change("chown", func() error { return p.Volume.Chown(p.inside, to) })
	}
	return d.alter("chown", name, func(f *fstest.MapFile) {
		own, _ := f.Sys.(shell.Owner) // none is root
		f.Sys = shell.Owner{User: cmp.Or(to.User, own.User), Group: cmp.Or(to.Group, own.Group)}
	})
}

// alter changes something of a file that is not its content.
func (d *Disk) alter(op, name string, change func(*fstest.MapFile)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	key, info, err := d.changeable(op, name)
	if err != nil {
		return err
	}
	file := &fstest.MapFile{Mode: info.Mode(), ModTime: info.ModTime(), Sys: info.Sys()}
	if old := d.all[key]; old != nil {
		file.Data = old.Data
	}
	change(file)
	d.all[key] = file
	return nil
}

// Remove implements [shell.Files].
func (d *Disk) Remove(_, name string, whole bool) error {
	if p, ok := d.within(name); ok {
		return p.remove(whole)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key, info, err := d.changeable("remove", name)
	switch {
	case err != nil:
		return err
	case info.IsDir() && !whole:
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.EISDIR}
	}
	for k, f := range d.all {
		if (k == key || key == "." || strings.HasPrefix(k, key+"/")) && !d.mounted[k] {
			d.grow(-min(len(f.Data)+entrySize+len(k), int(*d.size))) // what the image had was never taken
			delete(d.all, k)
		}
	}
	return nil
}
