package host

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"syscall"
	"time"
)

// file is an entry as it is shown.
func (h *disk) file(name string, e entry) File {
	f := File{Path: name, Size: e.size, Mode: e.mode, Dir: e.dir, ModTime: e.mod, Owner: e.owner()}
	if i := h.image.files[e.path]; i != nil {
		f.Provider = i.provider
	}
	return f
}

// Stat returns what is at the path; links are followed. Its errors, as all of
// this file's, are [fs.PathError]s that wrap those of syscall.
func (h *disk) Stat(name string) (File, error) {
	_, e, err := h.locate(name, true)
	if err != nil {
		return File{}, pathError("stat", name, err)
	}
	return h.file(path.Clean("/"+name), e), nil
}

// List returns what is in the directory, by name. Links are not followed.
func (h *disk) List(dir string) ([]File, error) {
	p, e, err := h.locate(dir, true)
	if err == nil && !e.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, pathError("open", dir, err)
	}
	names := slices.Clone(h.image.children[p])
	for q := range h.d.Files {
		if q != "/" && path.Dir(q) == p {
			names = append(names, path.Base(q))
		}
	}
	slices.Sort(names)
	var list []File
	for _, name := range slices.Compact(names) {
		if e, ok := h.see(path.Join(p, name)); ok {
			list = append(list, h.file(path.Join(path.Clean("/"+dir), name), e))
		}
	}
	return list, nil
}

// Read returns the content that is kept of a file: nothing of one that was
// allocated, and a few bytes of a program.
func (h *disk) Read(name string) ([]byte, error) {
	_, e, err := h.locate(name, true)
	if err == nil && e.dir {
		err = syscall.EISDIR
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return []byte(e.text(h.name)), nil
}

// Write writes a file, or appends to it. At most 1 MiB of content are kept of
// a file and 8 MiB of all that were written; what is more counts as size only.
// When the disk gets full, what fits is written and the error is ENOSPC.
func (h *disk) Write(now time.Time, name string, data []byte, appendTo bool) error {
	p, old, err := h.target(name)
	if err != nil {
		return pathError("open", name, err)
	}
	if p == "/dev/null" {
		return nil
	}
	n := &node{Mode: 0o644, Mod: now, Owner: old.owner()}
	if old.path != "" {
		n.Mode = old.mode
	}
	switch {
	case !appendTo || old.path == "":
	case old.node != nil: // what was there is not copied for each line that is added
		n.Size, n.Data = old.size, old.node.Data
	default:
		n.Size, n.Data = old.size, []byte(old.text(h.name))
	}
	whole := n.Size == int64(len(n.Data))
	size, full := h.fit(old, n.Size+int64(len(data)))
	data = data[:max(0, min(int64(len(data)), size-n.Size))]
	n.Size = max(n.Size, size)
	if whole {
		n.Data = h.keep(old, n.Data, data)
	}
	return h.finish(now, "write", name, p, n, full)
}

// Allocate makes a file of that size and without content, as fallocate does.
// When the disk has less, the file takes all there was and the error is ENOSPC.
func (h *disk) Allocate(now time.Time, name string, size int64) error {
	p, old, err := h.target(name)
	if err != nil {
		return pathError("fallocate", name, err)
	}
	if size < 0 || size > 1<<50 {
		return pathError("fallocate", name, syscall.EINVAL)
	}
	size, full := h.fit(old, size)
	return h.finish(now, "fallocate", name, p, &node{Mode: 0o644, Mod: now, Size: size, Owner: old.owner()}, full)
}

// target returns the path of a file that is to be written, and the file that is
// there, if one is.
func (h *disk) target(name string) (string, entry, error) {
	p, old, err := h.locate(name, true)
	switch {
	case err == nil && old.dir:
		return "", entry{}, syscall.EISDIR
	case err == nil:
		return p, old, nil
	case p == "":
		return "", entry{}, err
	}
	return p, entry{}, h.parent(p)
}

// fit returns the most of size that the disk takes in place of the old file,
// and whether that is less.
func (h *disk) fit(old entry, size int64) (int64, bool) {
	room := h.free()
	if old.path != "" {
		room += old.cost()
	}
	return min(size, room), size > room
}

// keep appends to a content what may be kept.
func (h *disk) keep(old entry, content, more []byte) []byte {
	room := maxKept
	room -= h.d.kept
	if old.node != nil {
		room += len(old.node.Data)
	}
	room = min(room, maxContent) - len(content)
	return append(content, more[:max(0, min(len(more), room))]...)
}

// finish places a file that was written.
func (h *disk) finish(now time.Time, op, name, p string, n *node, full bool) error {
	err := h.put(p, n)
	if err == nil && full {
		err = syscall.ENOSPC
	}
	h.settle(now)
	return pathError(op, name, err)
}

// Delete removes a file, or with recursive a directory and all that is in it.
// Programs that run from it go on.
func (h *disk) Delete(now time.Time, name string, recursive bool) error {
	p, e, err := h.locate(name, false)
	if err == nil && e.dir && !recursive {
		err = syscall.EISDIR
	}
	if err != nil {
		return pathError("remove", name, err)
	}
	h.drop(now, p)
	h.settle(now)
	return nil
}

// Mkdir makes a directory.
func (h *disk) Mkdir(now time.Time, name string) error {
	p, _, err := h.locate(name, true)
	switch {
	case err == nil:
		err = syscall.EEXIST
	case p != "":
		err = h.parent(p)
	}
	if err == nil {
		err = h.put(p, &node{Dir: true, Mode: fs.ModeDir | 0o755, Mod: now})
	}
	if err != nil {
		return pathError("mkdir", name, err)
	}
	h.settle(now)
	return nil
}

// Chmod changes a file's permissions.
func (h *disk) Chmod(now time.Time, name string, mode fs.FileMode) error {
	return h.alter(now, "chmod", name, func(n *node) { n.Mode = n.Mode.Type() | mode.Perm() })
}

// Chown changes whose a file is. What is empty stays as it is.
func (h *disk) Chown(now time.Time, name string, to Owner) error {
	return h.alter(now, "chown", name, func(n *node) {
		n.Owner = Owner{cmp.Or(to.User, n.Owner.User), cmp.Or(to.Group, n.Owner.Group)}
	})
}

// alter changes something of a file that is not its content.
func (h *disk) alter(now time.Time, op, name string, change func(*node)) error {
	p, e, err := h.locate(name, true)
	if err != nil {
		return pathError(op, name, err)
	}
	n := &node{Dir: e.dir, Mode: e.mode, Mod: e.mod, Size: e.size, Owner: e.owner()}
	switch {
	case e.node != nil:
		n.Data = e.node.Data
	case !e.dir:
		n.Data = []byte(e.text(h.name))
	}
	change(n)
	if err := h.put(p, n); err != nil {
		return pathError(op, name, err)
	}
	h.settle(now)
	return nil
}

// MakeDirs makes a directory that has a mode, and those above it that are missing.
func (h *disk) MakeDirs(now time.Time, name string, mode fs.FileMode) error {
	p, e, err := h.locate(name, true)
	switch {
	case err == nil && !e.dir:
		err = syscall.EEXIST
	case err != nil && p != "":
		if err = h.makeDirs(now, path.Dir(p)); err == nil {
			err = h.put(p, &node{Dir: true, Mode: fs.ModeDir | mode, Mod: now})
		}
		h.settle(now)
	}
	return pathError("mkdir", name, err)
}

// Usage is how many bytes there are in the files of a directory.
func (h *disk) Usage(name string) (bytes int64) {
	p, _, err := h.locate(name, true)
	if err != nil {
		return 0
	}
	for q, n := range h.d.Files {
		if below(q, p) && !n.Gone && !n.Dir {
			bytes += blocks(n.Size)
		}
	}
	return bytes
}
