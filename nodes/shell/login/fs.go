package login

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/host"

	"mvdan.cc/sh/v3/interp"
)

// maxRead bounds what is read of one file, in bytes: files of the machine can be larger
// than what we want to hold.
const maxRead = 16 << 20

// errGone is what every file operation fails with when the machine is gone.
var errGone = errors.New("input/output error")

// reason is an error of the machine's in the words of its C library.
func reason(err error) string {
	var number syscall.Errno
	var inner *fs.PathError
	text := ""
	switch {
	case errors.As(err, &number):
		text = number.Error()
	case errors.Is(err, fs.ErrNotExist):
		text = "no such file or directory"
	case errors.Is(err, fs.ErrExist):
		text = "file exists"
	case errors.Is(err, fs.ErrPermission):
		text = "permission denied"
	case errors.As(err, &inner):
		text = inner.Err.Error()
	default:
		text = err.Error()
	}
	if text == "" {
		return "Input/output error"
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// shared are directories in which everybody may write.
var shared = []string{"/tmp", "/var/tmp", "/dev/shm"}

// owns says whether a user may write to a path without being root.
func owns(user, name string) bool {
	if user == root {
		return true
	}
	for _, dir := range append(shared, home(user)) {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// secret are files that only root reads, whatever their mode says.
var secret = []string{"/root", "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/var/lib/kubelet", "/var/lib/containerd", "/etc/kubernetes/certs", "/etc/kubernetes/azure.json"}

// mayRead says whether a user may read a file.
func mayRead(user, name string, f host.File) bool {
	if owns(user, name) {
		return true
	}
	for _, s := range secret {
		if name == s && !f.Dir || strings.HasPrefix(name, s+"/") || name == s && f.Mode.Perm()&0o005 != 0o005 {
			return false
		}
	}
	return f.Mode.Perm() == 0 || f.Mode.Perm()&0o004 != 0
}

func (s *Session) stat(name string) (f host.File, err error) {
	err = errGone
	s.do(func(_ time.Time, h *host.Host, _ Runtime) { f, err = h.Stat(name) })
	return f, err
}

// list is a directory's entries, as far as the user may see them.
func (s *Session) list(user, name string) (files []host.File, err error) {
	err = errGone
	s.do(func(_ time.Time, h *host.Host, _ Runtime) {
		var f host.File
		if f, err = h.Stat(name); err != nil {
			return
		}
		if !mayRead(user, name, f) {
			err = syscall.EACCES
			return
		}
		files, err = h.List(name)
	})
	return files, err
}

// read is the beginning of a file.
func (s *Session) read(user, name string) (b []byte, err error) {
	err = errGone
	s.do(func(_ time.Time, h *host.Host, _ Runtime) {
		var f host.File
		switch f, err = h.Stat(name); {
		case err != nil:
		case !mayRead(user, name, f):
			err = syscall.EACCES
		case f.Dir:
			err = syscall.EISDIR
		case f.Size > maxRead: // made by fallocate and its like: nothing to see
		default:
			b, err = h.Read(name)
		}
	})
	return b[:min(len(b), maxRead)], err
}

// change runs one change of the user's to a path.
func (s *Session) change(user, name string, f func(now time.Time, h *host.Host) error) error {
	if !owns(user, name) {
		if _, err := s.stat(path.Dir(name)); err != nil {
			return err
		}
		return syscall.EACCES
	}
	err := errGone
	s.do(func(now time.Time, h *host.Host, _ Runtime) { err = f(now, h) })
	return err
}

func (s *Session) write(user, name string, b []byte, add bool) error {
	if f, err := s.stat(name); err == nil && f.Dir {
		return syscall.EISDIR
	}
	return s.change(user, name, func(now time.Time, h *host.Host) error { return h.Write(now, name, b, add) })
}

// info is what the interpreter sees of a file.
func (s *Session) info(name string) (fs.FileInfo, error) {
	f, err := s.stat(name)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return entry{f}, nil
}

func (s *Session) entries(user, name string) ([]fs.DirEntry, error) {
	files, err := s.list(user, name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	out := make([]fs.DirEntry, len(files))
	for i, f := range files {
		out[i] = fs.FileInfoToDirEntry(entry{f})
	}
	return out, nil
}

// access answers test -r, -w and -x, and whether cd may enter.
func (s *Session) access(user, name string, mode interp.AccessMode) error {
	f, err := s.stat(name)
	switch {
	case err != nil:
		return err
	case mode&interp.AccessWrite != 0 && !owns(user, name):
		return syscall.EACCES
	case mode&interp.AccessExec != 0 && !f.Dir:
		b, err := s.read(user, name)
		if err != nil || !strings.HasPrefix(string(b), "#!") && f.Mode&0o111 == 0 {
			return syscall.EACCES
		}
	case !mayRead(user, name, f):
		return syscall.EACCES
	}
	return nil
}

// entry is a file as package io/fs wants it.
type entry struct{ f host.File }

// Name implements [fs.FileInfo].
func (e entry) Name() string { return path.Base(e.f.Path) }

// Size implements [fs.FileInfo].
func (e entry) Size() int64 { return e.f.Size }

// Mode implements [fs.FileInfo].
func (e entry) Mode() fs.FileMode {
	if e.f.Dir {
		return e.f.Mode | fs.ModeDir
	}
	return e.f.Mode
}

// ModTime implements [fs.FileInfo].
func (e entry) ModTime() time.Time { return e.f.ModTime }

// IsDir implements [fs.FileInfo].
func (e entry) IsDir() bool { return e.f.Dir }

// Sys implements [fs.FileInfo].
func (e entry) Sys() any { return nil }

// deviceFile is what the files below /dev are that a script may name.
type deviceFile struct {
	out   io.Writer
	zeros int
}

// Read implements [io.Reader].
func (d *deviceFile) Read(p []byte) (int, error) {
	if d.zeros == 0 {
		return 0, io.EOF
	}
	n := min(d.zeros, len(p))
	clear(p[:n])
	d.zeros -= n
	return n, nil
}

// Write implements [io.Writer].
func (d *deviceFile) Write(p []byte) (int, error) { return d.out.Write(p) }

// Close implements [io.Closer].
func (d *deviceFile) Close() error { return nil }

// full is /dev/full.
type full struct{}

// Write implements [io.Writer].
func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// device finds the device of a name; stdout and stderr are the caller's.
func device(name string, stdout, stderr io.Writer) (*deviceFile, bool) {
	switch name {
	case "/dev/null", "/dev/tty":
		return &deviceFile{out: io.Discard}, true
	case "/dev/zero", "/dev/urandom", "/dev/random":
		return &deviceFile{out: io.Discard, zeros: 1 << 20}, true
	case "/dev/full":
		return &deviceFile{out: full{}}, true
	case "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		return &deviceFile{out: stdout}, true
	case "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2":
		return &deviceFile{out: stderr}, true
	}
	return nil, false
}

// pause waits and says whether it came to the end.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
