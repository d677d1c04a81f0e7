package shell

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"path"
	"strings"
	"syscall"
	"time"

	"mvdan.cc/sh/v3/interp"
)

// System is the machine or the container that a shell runs in.
type System interface {
	Files
	Processes
	// Dial opens a connection from the system.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	Identity() Identity
	// Now is the time of the system's clock.
	Now() time.Time
	// Command is the system's own command of a name, or the one of [Coreutils] that it
	// has; nil if it has none.
	Command(name string) Command
}

// Identity is what a system is called and what it runs.
type Identity struct {
	Name, Address string
	Kernel, Build string // versions
}

// Files are a system's files, as each user finds them. Names are absolute; errors wrap
// those of package syscall.
type Files interface {
	Stat(name string) (File, error)
	List(user, name string) ([]File, error)
	Read(user, name string) ([]byte, error)
	// Write replaces a file, or appends to it.
	Write(user, name string, b []byte, add bool) error
	// Allocate makes a file of a size whose bytes nobody looks at.
	Allocate(user, name string, size int64) error
	Mkdir(user, name string) error
	// Chmod changes the permissions.
	Chmod(user, name string, mode fs.FileMode) error
	// Remove removes a file, or with whole a directory and all that is in it.
	Remove(user, name string, whole bool) error
	// Access says why a user may not use a file so.
	Access(user, name string, mode interp.AccessMode) error
}

// File is what is known of a file without its content.
type File struct {
	Path    string
	Size    int64
	Mode    fs.FileMode // 0 is unknown
	Dir     bool
	ModTime time.Time
	Owner   Owner
}

// Owner is whose a file is: names, or numbers without an account. An empty one is as the
// file's place says.
type Owner struct{ User, Group string }

// Owners are the files of a system that says whose they are.
type Owners interface {
	// Chown changes whose a file is. What is empty stays as it is.
	Chown(user, name string, to Owner) error
}

// info is a file as package io/fs wants it.
type info struct{ f File }

// Name implements [fs.FileInfo].
func (i info) Name() string { return path.Base(i.f.Path) }

// Size implements [fs.FileInfo].
func (i info) Size() int64 { return i.f.Size }

// Mode implements [fs.FileInfo].
func (i info) Mode() fs.FileMode {
	if i.f.Dir {
		return i.f.Mode | fs.ModeDir
	}
	return i.f.Mode
}

// ModTime implements [fs.FileInfo].
func (i info) ModTime() time.Time { return i.f.ModTime }

// IsDir implements [fs.FileInfo].
func (i info) IsDir() bool { return i.f.Dir }

// Sys implements [fs.FileInfo].
func (i info) Sys() any { return nil }

// Reason is an error of a system's in the words of its C library.
func Reason(err error) string {
	text := "Input/output error"
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		text = number.Error()
	case errors.Is(err, fs.ErrNotExist):
		text = syscall.ENOENT.Error()
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// Absolute is a file's name from the root.
func Absolute(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}

// opened is a file that is open for writing. Every write is on the disk at once.
type opened struct {
	s          *Shell
	user, name string
	complain   io.Writer
	failed     bool
}

// Write implements [io.Writer].
func (f *opened) Write(p []byte) (int, error) {
	if err := f.s.Write(f.user, f.name, p, true); err != nil {
		if !f.failed {
			f.s.complain(f.complain, errors.New("write error: "+Reason(err)))
		}
		f.failed = true
		return 0, err
	}
	return len(p), nil
}

// device is what the files below /dev are that a script may name.
type device struct {
	out   io.Writer
	zeros int
}

// Read implements [io.Reader].
func (d *device) Read(p []byte) (int, error) {
	if d.zeros == 0 {
		return 0, io.EOF
	}
	n := min(d.zeros, len(p))
	clear(p[:n])
	d.zeros -= n
	return n, nil
}

// Write implements [io.Writer].
func (d *device) Write(p []byte) (int, error) { return d.out.Write(p) }

// Close implements [io.Closer].
func (d *device) Close() error { return nil }

// full is /dev/full.
type full struct{}

// Write implements [io.Writer].
func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// deviceOf finds the device of a name; stdout and stderr are the caller's.
func deviceOf(name string, stdout, stderr io.Writer) (*device, bool) {
	switch name {
	case "/dev/null", "/dev/tty":
		return &device{out: io.Discard}, true
	case "/dev/zero", "/dev/urandom", "/dev/random":
		return &device{out: io.Discard, zeros: 1 << 20}, true
	case "/dev/full":
		return &device{out: full{}}, true
	case "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/1/fd/1":
		return &device{out: stdout}, true
	case "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2", "/proc/1/fd/2":
		return &device{out: stderr}, true
	}
	return nil, false
}

// IsDevice says whether a file is a device.
func IsDevice(name string) bool {
	_, ok := deviceOf(name, nil, nil)
	return ok
}
