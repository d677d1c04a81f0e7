package login

import (
	"context"
	"io/fs"
	"net"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"

	"mvdan.cc/sh/v3/interp"
)

// errGone is what everything fails with when the machine is gone.
var errGone error = syscall.EIO

// system is the machine as [shell.System].
type system struct{ s *Session }

// owns says whether a user may write to a path without being root.
func owns(user, name string) bool {
	if user == shell.Root {
		return true
	}
	for _, dir := range append(shell.Shared, shell.Home(user)) {
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

func fileOf(f host.File) shell.File {
	return shell.File{Path: f.Path, Size: f.Size, Mode: f.Mode, Dir: f.Dir, ModTime: f.ModTime}
}

// look runs f with a file that a user may read.
func (m system) look(user, name string, f func(h *host.Host, file host.File) error) error {
	err := errGone
	m.s.do(func(_ time.Time, h *host.Host, _ Runtime) {
		var file host.File
		switch file, err = h.Stat(name); {
		case err != nil:
		case !mayRead(user, name, file):
			err = syscall.EACCES
		default:
			err = f(h, file)
		}
	})
	return err
}

// change runs one change of the user's to a path.
func (m system) change(user, name string, f func(now time.Time, h *host.Host) error) error {
	if !owns(user, name) {
		if _, err := m.Stat(path.Dir(name)); err != nil {
			return err
		}
		return syscall.EACCES
	}
	err := errGone
	m.s.do(func(now time.Time, h *host.Host, _ Runtime) { err = f(now, h) })
	return err
}

// Stat implements [shell.Files].
func (m system) Stat(name string) (f shell.File, err error) {
	err = m.look(shell.Root, name, func(_ *host.Host, file host.File) error {
		f = fileOf(file)
		return nil
	})
	return f, err
}

// List implements [shell.Files].
func (m system) List(user, name string) (files []shell.File, err error) {
	err = m.look(user, name, func(h *host.Host, _ host.File) error {
		all, err := h.List(name)
		for _, f := range all {
			files = append(files, fileOf(f))
		}
		return err
	})
	return files, err
}

// Read implements [shell.Files]. Of a file that is too big there is nothing to see: it was
// made by fallocate and its like.
func (m system) Read(user, name string) (b []byte, err error) {
	err = m.look(user, name, func(h *host.Host, f host.File) (err error) {
		switch {
		case f.Dir:
			return syscall.EISDIR
		case f.Size <= shell.MaxRead:
			b, err = h.Read(name)
		}
		return err
	})
	return b[:min(len(b), shell.MaxRead)], err
}

// Write implements [shell.Files].
func (m system) Write(user, name string, b []byte, add bool) error {
	if f, err := m.Stat(name); err == nil && f.Dir {
		return syscall.EISDIR
	}
	return m.change(user, name, func(now time.Time, h *host.Host) error { return h.Write(now, name, b, add) })
}

// Allocate implements [shell.Files].
func (m system) Allocate(user, name string, size int64) error {
	return m.change(user, name, func(now time.Time, h *host.Host) error { return h.Allocate(now, name, size) })
}

// Mkdir implements [shell.Files].
func (m system) Mkdir(user, name string) error {
	return m.change(user, name, func(now time.Time, h *host.Host) error { return h.Mkdir(now, name) })
}

// Chmod implements [shell.Files].
func (m system) Chmod(user, name string, mode fs.FileMode) error {
	return m.change(user, name, func(now time.Time, h *host.Host) error { return h.Chmod(now, name, mode) })
}

// Remove implements [shell.Files].
func (m system) Remove(user, name string, whole bool) error {
	return m.change(user, name, func(now time.Time, h *host.Host) error { return h.Delete(now, name, whole) })
}

// Access implements [shell.Files].
func (m system) Access(user, name string, mode interp.AccessMode) error {
	if mode&interp.AccessWrite != 0 && !owns(user, name) {
		if _, err := m.Stat(name); err != nil {
			return err
		}
		return syscall.EACCES
	}
	return m.look(user, name, func(h *host.Host, f host.File) error {
		if mode&interp.AccessExec == 0 || f.Dir || f.Mode&0o111 != 0 {
			return nil
		}
		if b, err := h.Read(name); err != nil || !strings.HasPrefix(string(b), "#!") {
			return syscall.EACCES
		}
		return nil
	})
}

// Dial implements [shell.System].
func (m system) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return m.s.machine.Dial(ctx, network, address)
}

// Identity implements [shell.System].
func (m system) Identity() shell.Identity {
	me := shell.Identity{Name: m.s.name, Address: m.address(), Build: "#119~20.04.1-Ubuntu SMP x86_64"}
	m.s.do(func(_ time.Time, h *host.Host, _ Runtime) { me.Kernel = h.Kernel() })
	return me
}

// Now implements [shell.System].
func (m system) Now() (now time.Time) {
	m.s.do(func(at time.Time, _ *host.Host, _ Runtime) { now = at })
	return now
}

// Command implements [shell.System].
func (m system) Command(name string) shell.Command {
	own := commands[name]
	if own == nil {
		return shell.Coreutils[name]
	}
	if pkg := packaged[name]; pkg != "" {
		there := false
		m.s.do(func(_ time.Time, h *host.Host, _ Runtime) {
			p, known := h.Package(pkg)
			there = known && p.Installed || !known && brought[name]
		})
		if !there {
			return nil
		}
	}
	return func(ctx context.Context, c *shell.Call) int { return own(ctx, &call{Call: c, s: m.s}) }
}

// address is the machine's own, as its network sees it: from /etc/hosts, where the image
// puts it, else the first of the subnet.
func (m system) address() string {
	b, err := m.Read(shell.Root, "/etc/hosts")
	if err == nil {
		for l := range strings.Lines(string(b)) {
			f := strings.Fields(l)
			if len(f) > 1 && slices.Contains(f[1:], m.s.name) && net.ParseIP(f[0]) != nil && !strings.HasPrefix(f[0], "127.") {
				return f[0]
			}
		}
	}
	return "10.224.0.4"
}
