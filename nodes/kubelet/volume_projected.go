package kubelet

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"demarc/nodes/shell"
)

// projection is a volume whose files the kubelet makes: of ConfigMaps, Secrets, the
// downward API and tokens. What it holds changes as a whole, and containers cannot change it.
type projection struct {
	unwritable
	mu    sync.Mutex
	files map[string]projected // by name
	at    time.Time            // when they were made
}

// projected is one file of a projection.
type projected struct {
	data  []byte
	mode  fs.FileMode
	group string       // whose it is beside root's; empty for root's too
	token *tokenSource // what the file is read from, if it is a token
}

// put replaces the files if they are others than before.
func (v *projection) put(files map[string]projected, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	same := func(a, b projected) bool {
		return string(a.data) == string(b.data) && a.mode == b.mode && (a.token == nil) == (b.token == nil)
	}
	if v.files == nil || !maps.EqualFunc(v.files, files, same) {
		v.files, v.at = files, now
	}
}

// frozen is the volume as it is now: what is mounted by a subPath does not change.
func (v *projection) frozen() *projection {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &projection{files: v.files, at: v.at}
}

// find returns what is at a name: a file, or a directory that files are in.
func (v *projection) find(name string) (f projected, dir bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f, ok := v.files[name]; ok {
		return f, false, nil
	}
	if name == "." {
		return f, true, nil
	}
	for n := range v.files {
		if strings.HasPrefix(n, name+"/") {
			return f, true, nil
		}
	}
	return f, false, syscall.ENOENT
}

// Stat implements [program.Volume].
func (v *projection) Stat(name string) (shell.File, error) {
	f, dir, err := v.find(name)
	if dir {
		return shell.File{Mode: 0o777, Dir: true, ModTime: v.at}, nil
	}
	return shell.File{Size: f.size(), Mode: f.mode, ModTime: v.at, Owner: shell.Owner{Group: f.group}}, err
}

// size is the file's, as far as it is known without reading it.
func (f projected) size() int64 {
	if f.token != nil {
		return f.token.size()
	}
	return int64(len(f.data))
}

// List implements [program.Volume].
func (v *projection) List(name string) ([]shell.File, error) {
	if _, dir, err := v.find(name); err != nil {
		return nil, err
	} else if !dir {
		return nil, syscall.ENOTDIR
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := map[string]shell.File{}
	for n, f := range v.files {
		rest, inside := n, true
		if name != "." {
			rest, inside = strings.CutPrefix(n, name+"/")
		}
		if !inside {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		seen[first] = shell.File{Path: path.Join(name, first), Size: f.size(), Mode: f.mode, ModTime: v.at, Owner: shell.Owner{Group: f.group}}
		if deeper {
			seen[first] = shell.File{Path: path.Join(name, first), Mode: 0o755, Dir: true, ModTime: v.at}
		}
	}
	files := make([]shell.File, 0, len(seen))
	for _, n := range slices.Sorted(maps.Keys(seen)) {
		files = append(files, seen[n])
	}
	return files, nil
}

// Read implements [program.Volume].
func (v *projection) Read(name string) ([]byte, error) {
	f, dir, err := v.find(name)
	switch {
	case dir:
		return nil, syscall.EISDIR
	case err == nil && f.token != nil:
		return f.token.read()
	}
	return f.data, err
}

// texts are what is in the files, but for tokens, by their names.
func (v *projection) texts() map[string][]byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make(map[string][]byte, len(v.files))
	for name, f := range v.files {
		if f.token == nil {
			out[name] = f.data
		}
	}
	return out
}

// peek is Read for who holds the lock, under which a token is not to be had.
func (v *projection) peek(name string) ([]byte, error) {
	f, _, err := v.find(name)
	return f.data, err
}

// unwritable has the methods of a [program.Volume] that change something: they do not.
type unwritable struct{}

func (unwritable) Write(string, []byte, bool) error     { return syscall.EROFS }
func (unwritable) Allocate(string, int64) error         { return syscall.EROFS }
func (unwritable) Mkdir(string) error                   { return syscall.EROFS }
func (unwritable) Chmod(string, fs.FileMode) error      { return syscall.EROFS }
func (unwritable) Chown(string, shell.Owner) error      { return syscall.EROFS }
func (unwritable) Remove(name string, whole bool) error { return syscall.EROFS }
