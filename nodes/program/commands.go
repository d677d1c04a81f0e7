package program

import (
	"context"
	"path"
	"slices"
	"strings"

	"demarc/nodes/image"
	"demarc/nodes/shell"
)

// call is one run of a container's own command.
type call struct {
	*shell.Call
	spec Spec
}

// own are a container's commands beside those of [shell.Coreutils].
var own = map[string]func(context.Context, *call) int{
	"chroot": chroot, "nsenter": nsenter, "df": df, "free": free, "sysctl": sysctl, "mount": mount, "nonewprivs": nonewprivs, "nslookup": nslookup, "dig": dig, "host": nslookup, "getent": getent,
}

func init() { own[agnhost], own[agnhost+"-2"] = agnhostTool, agnhostTool } // it runs commands itself

// everywhere are the programs of every image with a system.
var everywhere = strings.Fields(`awk base64 basename cat chmod chroot chown chgrp cp cut date dd df dirname du echo env egrep expr false fgrep find grep gzip gunzip head hostname
	id install kill ln ls md5sum mkdir mktemp mount mv nice nohup nproc nsenter od printenv printf ps pwd readlink realpath rm rmdir sed seq sha1sum sha256sum sha512sum sleep
	sort split stat stty sync tac tail tar tee test [ timeout touch tr true tty umount uname uniq wc which whoami xargs yes zcat command type setsid cmp diff comm nl fold paste rev`)

// systems are the programs that a system has beside those that are everywhere: of BusyBox its
// applets, of Debian what a minimal installation has.
var systems = map[string][]string{
	image.Busybox: strings.Fields("ash sh adduser addgroup free hexdump httpd ifconfig ip killall less more nc netstat nslookup pgrep pidof ping pkill telnet top sysctl traceroute uptime usleep vi watch wget xxd unzip"),
	image.Debian:  strings.Fields("bash dash sh perl gawk mawk pgrep pkill free top uptime watch useradd groupadd usermod dpkg less more ionice stdbuf shuf hostid arch factor numfmt getent ldconfig"),
}

// command is a command of the container's by its name or path, or nil.
func (s Spec) command(name string) shell.Command {
	if p, ok := s.program(name); ok && (p.Server || p.Asks > 0 || p.Prints != "" || p.Code != 0 || len(p.Answers) > 0 || p.Takes > 0 || s.builtin(name) == nil) {
		return s.tool(p)
	}
	_, own := s.program(name)
	if dir := path.Dir(name); dir != "." && !own && !slices.Contains(shell.Paths, dir) {
		return nil
	}
	name = path.Base(name)
	if !s.has(name) {
		return nil
	}
	return s.builtin(name)
}

// has says whether the image has a program.
func (s Spec) has(name string) bool {
	sys := s.system()
	_, listed := s.program(name)
	return sys == "" || listed || s.Disk.extended() || sys != image.None && (slices.Contains(everywhere, name) || slices.Contains(systems[sys], name))
}

// lacks says whether the image is known not to have a program that is no command of ours.
// Of one with a program of its own only what is in $PATH is known, not what else lies about.
func (s Spec) lacks(name string) bool {
	dir := path.Dir(name)
	return s.system() != "" && !s.Disk.extended() && (s.bare() || dir == "." || slices.Contains(shell.Paths, dir))
}

// builtin is what runs for a program of this name in any image.
func (s Spec) builtin(name string) shell.Command {
	name = path.Base(name)
	switch {
	case own[name] != nil:
		return func(ctx context.Context, c *shell.Call) int { return own[name](ctx, &call{c, s}) }
	case slices.Contains(installers, name):
		return func(ctx context.Context, c *shell.Call) int { return install(ctx, &call{c, s}) }
	case isShell(name):
		return shell.Coreutils["sh"]
	case slices.Contains(quiet, name):
		return shell.Nothing
	case name == "command":
		return shell.Coreutils["type"]
	}
	return shell.Coreutils[name]
}

// quiet are programs that change what a container does not have: accounts, mounts.
var quiet = strings.Fields("umount adduser addgroup useradd groupadd usermod stty ldconfig")

// installers bring programs that an image lacks.
var installers = strings.Fields("apk apt apt-get yum dnf tdnf microdnf")

// install makes the image have every program: nobody knows which a package brings.
func install(_ context.Context, c *call) int {
	if slices.ContainsFunc(c.Args, func(a string) bool { return a == "add" || a == "install" }) && c.spec.Disk != nil {
		c.spec.Disk.extend()
	}
	return 0
}

func isShell(name string) bool { return slices.Contains([]string{"sh", "bash", "ash", "dash"}, name) }

// df shows the container's own file system, and those of disks that it has mounted.
func df(_ context.Context, c *call) int {
	o := c.Options("T,t= h")
	line := func(source string, size, used int64, on string) {
		size, used = size>>10, (used+1<<10-1)>>10
		free := max(size-used, 0)
		share := (100*used + max(size, 1) - 1) / max(size, 1)
		if o.Has("h") {
			c.Printf("%-20s %9s %9s %9s %3d%% %s\n", source, shell.Human(size<<10), shell.Human(used<<10), shell.Human(free<<10), share, on)
			return
		}
		c.Printf("%-20s %9d %9d %9d %3d%% %s\n", source, size, used, free, share, on)
	}
	if o.Has("h") {
		c.Printf("Filesystem                Size      Used Available Use%% Mounted on\n")
	} else {
		c.Printf("Filesystem           1K-blocks      Used Available Use%% Mounted on\n")
	}
	asked := func(m Mount) bool {
		return len(o.Operands) == 0 || slices.ContainsFunc(o.Operands, func(name string) bool { return c.spec.mountOf(c.Path(name)).Path == m.Path })
	}
	if root := c.spec.root(); asked(root) {
		line("overlay", 129886128<<10, 24576000<<10, root.Path)
	}
	for _, m := range c.spec.Mounts {
		if d, ok := m.Volume.(Device); ok && d.Device() != "" && asked(m) {
			if used, size, err := d.Space(); err == nil {
				line(d.Device(), size, used, m.Path)
			}
		}
	}
	return 0
}

func free(_ context.Context, c *call) int {
	return c.Done("              total        used        free      shared  buff/cache   available\nMem:       16393284     1240068    12482048        2104     2671168    14830160\nSwap:             0           0           0\n")
}
