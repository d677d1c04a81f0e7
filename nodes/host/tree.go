package host

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// Bounds of what is kept of files.
const (
	blockSize   = 4096
	maxContent  = 1 << 20 // bytes of one file
	maxKept     = 8 << 20 // bytes of all files of a machine
	maxNodes    = 10000   // files and directories over the image's
	maxPath     = 4096
	maxPathName = 255
)

// disk is the root file system: the image's files under those that were changed. Names are
// absolute; each file's links are followed.
type disk struct{ machine }

// node is a file or directory over those of the image, or a tombstone.
type node struct {
	Gone   bool        `json:"gone,omitempty"`
	Opaque bool        `json:"opaque,omitempty"` // hides what the image has below
	Dir    bool        `json:"dir,omitempty"`
	Size   int64       `json:"size,omitempty"`
	Mode   fs.FileMode `json:"mode,omitempty"`
	Mod    time.Time   `json:"mod"`
	Data   []byte      `json:"data,omitempty"`
	Pkg    string      `json:"pkg,omitempty"` // the package that brought it
	Owner  Owner       `json:"owner,omitzero"`
}

// entry is a file or directory as it is seen.
type entry struct {
	path  string
	dir   bool
	size  int64
	mode  fs.FileMode
	mod   time.Time
	link  string
	image *imageFile // nil if the entry is not the image's
	node  *node      // nil if it is
}

// owner is whose it is: what the image has is root's.
func (e entry) owner() Owner {
	if e.node == nil {
		return Owner{}
	}
	return e.node.Owner
}

// text is the content that is kept.
func (e entry) text(host string) string {
	if e.image != nil {
		return e.image.text(host)
	}
	return string(e.node.Data)
}

// see looks at a path whose links are resolved. There is nothing at one that is
// not absolute.
func (h *disk) see(p string) (entry, bool) {
	if !strings.HasPrefix(p, "/") {
		return entry{}, false
	}
	if len(h.d.Files) > 0 {
		if n := h.d.Files[p]; n != nil {
			if n.Gone {
				return entry{}, false
			}
			return entry{path: p, dir: n.Dir, size: n.Size, mode: n.Mode, mod: n.Mod, node: n}, true
		}
		if h.hidden(p) != nil {
			return entry{}, false
		}
	}
	f := h.image.files[p]
	if f == nil {
		return entry{}, false
	}
	return entry{path: p, dir: f.dir, size: f.length(h.name), mode: f.mode, mod: h.image.built, link: f.link, image: f}, true
}

// hidden returns the node above p that hides what the image has there.
func (h *disk) hidden(p string) *node {
	for p != "/" {
		p = path.Dir(p)
		if n := h.d.Files[p]; n != nil && n.Opaque {
			return n
		}
	}
	return nil
}

// follow resolves the links of the image, such as /lib; the last part only if
// last is set.
func (h *disk) follow(p string, last bool) string {
	for from, to := range h.image.links {
		rest, below := strings.CutPrefix(p, from+"/")
		if !below && (!last || p != from) {
			continue
		}
		if !below {
			rest = ""
		}
		if e, ok := h.see(from); ok && e.link != "" {
			return path.Join(to, rest)
		}
	}
	return p
}

// clean makes a path absolute and plain.
func clean(p string) (string, error) {
	if p == "" {
		return "", syscall.ENOENT
	}
	if strings.ContainsRune(p, 0) || !utf8.ValidString(p) {
		return "", syscall.EINVAL
	}
	p = path.Clean("/" + p)
	if len(p) >= maxPath {
		return "", syscall.ENAMETOOLONG
	}
	for name := range strings.SplitSeq(p, "/") {
		if len(name) > maxPathName {
			return "", syscall.ENAMETOOLONG
		}
	}
	return p, nil
}

// locate returns the plain path and what is there. The error is one of
// syscall's.
func (h *disk) locate(name string, last bool) (string, entry, error) {
	p, err := clean(name)
	if err != nil {
		return "", entry{}, err
	}
	p = h.follow(p, last)
	e, ok := h.see(p)
	if ok {
		return p, e, nil
	}
	return p, entry{}, h.missing(p)
}

// missing is the error for a path with nothing there.
func (h *disk) missing(p string) error {
	for q := path.Dir(p); ; q = path.Dir(q) {
		if e, ok := h.see(q); ok {
			if !e.dir {
				return syscall.ENOTDIR
			}
			return syscall.ENOENT
		}
		if q == "/" {
			return syscall.ENOENT
		}
	}
}

// parent says why nothing can be made at p, nil if it can.
func (h *disk) parent(p string) error {
	if e, ok := h.see(path.Dir(p)); ok {
		if e.dir {
			return nil
		}
		return syscall.ENOTDIR
	}
	return h.missing(p)
}

// put places a node at p. What was there must not be a directory with
// something in it, unless the node is one too.
func (h *disk) put(p string, n *node) error {
	d := h.change()
	old := d.Files[p]
	if old == nil && len(d.Files) >= maxNodes {
		return syscall.ENOSPC
	}
	if old != nil {
		d.kept -= len(old.Data)
		n.Opaque = n.Opaque || old.Opaque
	}
	if e, ok := h.see(p); ok {
		d.used -= e.cost()
	}
	d.Files[p] = n
	h.wrote("file", p)
	d.kept += len(n.Data)
	e, _ := h.see(p)
	d.used += e.cost()
	return nil
}

// cost is what a file takes on the root disk; /run is not there.
func (e entry) cost() int64 {
	if strings.HasPrefix(e.path, "/run/") {
		return 0
	}
	if e.image != nil {
		return e.image.bulk + blocks(e.size)
	}
	if e.dir || e.node == nil {
		return 0
	}
	return blocks(e.size)
}

// blocks rounds a size up to whole blocks of the file system.
func blocks(size int64) int64 { return (size + blockSize - 1) / blockSize * blockSize }

// drop removes p and all that is below.
func (h *disk) drop(now time.Time, p string) {
	d := h.change()
	h.uncount(p)
	h.wrote("file", p)
	delete(d.Files, p)
	for q := range d.Files {
		if below(q, p) {
			h.wrote("file", q)
			delete(d.Files, q)
		}
	}
	if f := h.image.files[p]; f != nil && h.hidden(p) == nil {
		h.tombstone(p, f, now)
	}
}

// tombstone hides what the image has at p. The root itself stays.
func (h *disk) tombstone(p string, f *imageFile, now time.Time) {
	n := &node{Gone: true, Opaque: f.dir, Mod: now}
	if p == "/" {
		n = &node{Dir: true, Opaque: true, Mode: f.mode, Mod: now}
	}
	h.d.Files[p] = n
}

// uncount takes p and all that is below out of the sums.
func (h *disk) uncount(p string) {
	d := h.d
	for _, e := range h.subtree(p) {
		d.used -= e.cost()
		if e.node != nil {
			d.kept -= len(e.node.Data)
		}
	}
}

// below says whether q is inside the directory p.
func below(q, p string) bool {
	return p == "/" && q != "/" || strings.HasPrefix(q, p) && len(q) > len(p) && q[len(p)] == '/'
}

// subtree returns p and all that is below, as seen, by path.
func (h *disk) subtree(p string) []entry {
	e, ok := h.see(p)
	if !ok {
		return nil
	}
	list := []entry{e}
	if !e.dir {
		return list
	}
	for q := range h.image.files {
		if below(q, p) {
			if e, ok := h.see(q); ok && e.image != nil {
				list = append(list, e)
			}
		}
	}
	for q, n := range h.d.Files {
		if below(q, p) && !n.Gone {
			e, _ := h.see(q)
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return list
}

// altered says whether a file of the image is not as it was, and since when.
func (h *disk) altered(p string) (since time.Time, ok bool) {
	if len(h.d.Files) == 0 {
		return since, false
	}
	f := h.image.files[p]
	if n := h.d.Files[p]; n != nil {
		same := !n.Gone && !n.Dir && n.Mode == f.mode && n.Size == f.length(h.name) &&
			bytes.Equal(n.Data, []byte(f.text(h.name)))
		return n.Mod, !same
	}
	if n := h.hidden(p); n != nil {
		return n.Mod, true
	}
	return since, false
}

// restore puts the image's file back at p.
func (h *disk) restore(now time.Time, p string) error {
	f := h.image.files[p]
	if e, ok := h.see(p); ok && e.dir {
		h.drop(now, p)
	}
	if blocks(f.length(h.name)) > h.free() {
		return syscall.ENOSPC
	}
	if err := h.makeDirs(now, path.Dir(p)); err != nil {
		return err
	}
	if h.hidden(p) == nil {
		h.uncount(p)
		h.wrote("file", p)
		delete(h.d.Files, p)
		e, _ := h.see(p)
		h.d.used += e.cost()
		return nil
	}
	return h.put(p, &node{Size: f.length(h.name), Mode: f.mode, Mod: now, Data: []byte(f.text(h.name)), Pkg: f.pkg})
}

// makeDirs makes the directory p and those above it.
func (h *disk) makeDirs(now time.Time, p string) error {
	if e, ok := h.see(p); ok {
		if e.dir {
			return nil
		}
		return syscall.ENOTDIR
	}
	if err := h.makeDirs(now, path.Dir(p)); err != nil {
		return err
	}
	return h.put(p, &node{Dir: true, Mode: fs.ModeDir | 0o755, Mod: now})
}

func pathError(op, name string, err error) error {
	var inner *fs.PathError
	if err == nil || errors.As(err, &inner) {
		return err
	}
	return &fs.PathError{Op: op, Path: clip(name), Err: err}
}

// written is a file with a text.
func written(now time.Time, pkg, text string) *node {
	return &node{Mode: 0o644, Size: int64(len(text)), Data: []byte(text), Mod: now, Pkg: pkg}
}

// kept is the text of a file that was written.
func (h *disk) kept(file string) string {
	if e, _ := h.see(file); e.node != nil && !e.dir {
		return string(e.node.Data)
	}
	return ""
}

// place puts a file of a package, and the directories that it needs.
func (h *disk) place(now time.Time, file string, n *node) error {
	file = h.follow(file, true)
	if e, ok := h.see(file); ok && e.dir {
		return pathError("open", file, fs.ErrExist)
	}
	if err := h.makeDirs(now, path.Dir(file)); err != nil {
		return pathError("mkdir", path.Dir(file), err)
	}
	return pathError("open", file, h.put(file, n))
}

// remove drops a file if it is there.
func (h *disk) remove(now time.Time, file string) {
	if _, ok := h.see(file); ok {
		h.drop(now, file)
	}
}

func (h *disk) present(path string) bool {
	_, ok := h.see(h.follow(path, true))
	return ok
}
