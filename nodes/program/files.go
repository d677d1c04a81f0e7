package program

import (
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing/fstest"
	"time"
)

// files is a container's file system, in memory.
type files struct {
	mu  sync.Mutex
	all fstest.MapFS
}

// newFiles has what every container finds, and what is mounted.
func newFiles(s Spec) *files {
	f := &files{all: fstest.MapFS{}}
	for name, text := range map[string]string{
		"etc/hostname":    s.Hostname + "\n",
		"etc/hosts":       "127.0.0.1\tlocalhost\n" + s.PodIP + "\t" + s.Hostname + "\n",
		"etc/resolv.conf": "search " + s.Namespace + ".svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.0.0.10\noptions ndots:5\n",
		"etc/passwd":      "root:x:0:0:root:/root:/bin/sh\n",
		"etc/os-release":  "NAME=\"demarc simulated container\"\n",
		"proc/1/cmdline":  imageName(s.Image) + "\x00",
		"proc/uptime":     "0.00 0.00\n",
	} {
		f.all[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	for _, dir := range []string{"tmp", "root", "bin", "usr", "var", "dev"} {
		f.all[dir] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
	}
	for name, b := range s.Files {
		f.all[clean(name)] = &fstest.MapFile{Data: b, Mode: 0o644}
	}
	return f
}

// clean is a path as io/fs wants it.
func clean(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name == "" {
		return "."
	}
	return name
}

func (f *files) read(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all.ReadFile(clean(name))
}

func (f *files) stat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all.Stat(clean(name))
}

func (f *files) list(name string) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all.ReadDir(clean(name))
}

func (f *files) write(name string, b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := path.Dir(clean(name))
	if info, err := f.all.Stat(dir); err != nil || !info.IsDir() {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f.all[clean(name)] = &fstest.MapFile{Data: append([]byte(nil), b...), Mode: 0o644, ModTime: time.Now()}
	return nil
}

func (f *files) mkdir(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[clean(name)] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
}

// remove removes a file or a whole directory and says whether it was there.
func (f *files) remove(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	gone := false
	for k := range f.all {
		if k == clean(name) || strings.HasPrefix(k, clean(name)+"/") {
			delete(f.all, k)
			gone = true
		}
	}
	return gone
}
