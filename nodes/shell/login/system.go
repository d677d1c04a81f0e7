package login

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
)

// power is reboot, poweroff, halt, shutdown and init.
func power(_ context.Context, c *call) int {
	verb := c.Name
	words := c.Operands()
	switch c.Name {
	case "shutdown":
		switch {
		case c.Has("c"):
			return 0
		case c.Has("r"):
			verb = "reboot"
		default:
			verb = "poweroff"
		}
		if len(words) > 0 && words[0] != "now" && words[0] != "+0" && c.Root() {
			return c.Fail("shutdown: demarc only shuts down at once: say `now'")
		}
		if len(words) == 0 && c.Root() {
			return c.Fail("shutdown: demarc only shuts down at once: say `now'")
		}
	case "init", "telinit":
		switch append(words, "")[0] {
		case "6":
			verb = "reboot"
		case "0":
			verb = "poweroff"
		default:
			return c.Fail("init: demarc's machines only know the runlevels 0 and 6")
		}
	}
	if !c.Root() {
		what := map[string]string{"reboot": "reboot", "poweroff": "power off", "halt": "halt"}[verb]
		return c.Fail("Failed to set wall message, ignoring: Interactive authentication required.\nFailed to %s system via logind: Interactive authentication required.\nFailed to start %s.target: Interactive authentication required.\nSee system logs and 'systemctl status %s.target' for details.\nFailed to open initctl fifo: Permission denied\nFailed to talk to init daemon.", what, verb, verb)
	}
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		if verb == "reboot" {
			h.RequestReboot(now)
		} else {
			h.RequestPowerOff(now)
		}
	})
	return 0
}

func uptime(_ context.Context, c *call) int {
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		up := h.Uptime(now)
		switch {
		case c.Name == "uptime" && c.Has("p"):
			c.Printf("up %s\n", strings.TrimSpace(shell.UpWords(up)))
		case c.Name == "uptime" && c.Has("s"):
			c.Printf("%s\n", now.Add(-up).UTC().Format("2006-01-02 15:04:05"))
		default:
			c.Printf(" %s up %s,  1 user,  load average: 0.31, 0.27, 0.22\n", now.UTC().Format("15:04:05"), shell.UpWords(up))
		}
	})
	return 0
}

func free(_ context.Context, c *call) int {
	used, size := c.Shell.Memory()
	left := max(size-used, 0)
	cache := left / 4
	show := func(n int64) string {
		switch {
		case c.Has("h"):
			if n == 0 {
				return "0B"
			}
			return shell.Human(n) + "i"
		case c.Has("m"):
			return strconv.FormatInt(n>>20, 10)
		case c.Has("g"):
			return strconv.FormatInt(n>>30, 10)
		case c.Has("b"):
			return strconv.FormatInt(n, 10)
		}
		return strconv.FormatInt(n>>10, 10)
	}
	c.Printf("               total        used        free      shared  buff/cache   available\n")
	c.Printf("Mem:    %12s%12s%12s%12s%12s%12s\n", show(size), show(used), show(left-cache), show(4<<20), show(cache), show(left))
	return c.Done("Swap:   %12s%12s%12s\n", show(0), show(0), show(0))
}

func hostnamectl(_ context.Context, c *call) int {
	if words := c.Operands(); len(words) > 0 && words[0] != "status" {
		return c.Fail("Could not set property: Interactive authentication required.")
	}
	c.do(func(_ time.Time, h *host.Host, _ Runtime) {
		c.Printf(" Static hostname: %s\n       Icon name: computer-vm\n         Chassis: vm\n  Virtualization: microsoft\nOperating System: %s\n          Kernel: Linux %s\n    Architecture: x86-64\n Hardware Vendor: Microsoft Corporation\n  Hardware Model: Virtual Machine\n", h.Name(), h.Image().OS, h.Kernel())
	})
	return 0
}

// settings are what sysctl shows; a session's changes last as long as it does.
var settings = [][2]string{
	{"fs.file-max", "9223372036854775807"}, {"fs.inotify.max_user_instances", "1024"}, {"fs.inotify.max_user_watches", "1048576"},
	{"kernel.panic", "10"}, {"kernel.panic_on_oops", "1"}, {"kernel.pid_max", "4194304"}, {"net.core.somaxconn", "16384"},
	{"net.ipv4.ip_forward", "1"}, {"net.ipv4.ip_local_port_range", "32768\t60999"}, {"net.ipv4.tcp_max_syn_backlog", "16384"},
	{"net.bridge.bridge-nf-call-iptables", "1"}, {"net.netfilter.nf_conntrack_max", "131072"}, {"vm.max_map_count", "65530"},
	{"vm.overcommit_memory", "1"}, {"vm.panic_on_oom", "0"}, {"vm.swappiness", "60"},
}

// sysctl shows settings and accepts changes, which nothing here depends on.
func sysctl(_ context.Context, c *call) int {
	code := 0
	if c.Has("a") || c.Long("--all", "--system") || c.Has("p") {
		for _, s := range settings {
			c.Printf("%s = %s\n", s[0], s[1])
		}
		return 0
	}
	for _, a := range c.Operands() {
		name, value, set := strings.Cut(a, "=")
		name = strings.ReplaceAll(strings.TrimSpace(name), "/", ".")
		found := ""
		for _, s := range settings {
			if s[0] == name {
				found = s[1]
			}
		}
		switch {
		case found == "":
			code = c.Fail("sysctl: cannot stat /proc/sys/%s: No such file or directory", strings.ReplaceAll(name, ".", "/"))
		case set && !c.Root():
			code = c.Fail("sysctl: permission denied on key '%s'", name)
		case set:
			c.Printf("%s = %s\n", name, strings.TrimSpace(value))
			c.do(func(now time.Time, h *host.Host, _ Runtime) {
				h.Log(now, "", "sysctl", fmt.Sprintf("%s = %s", name, strings.TrimSpace(value)))
			})
		case c.Has("n"):
			c.Printf("%s\n", found)
		default:
			c.Printf("%s = %s\n", name, found)
		}
	}
	return code
}

// swap is swapon and swapoff: there is no swap on the machines of AKS.
func swap(_ context.Context, c *call) int {
	names := c.Operands()
	switch {
	case c.Name == "swapon" && len(names) == 0:
		return 0
	case !c.Root():
		return c.Fail("%s: %s: Operation not permitted", c.Name, append(names, "Not superuser.")[0])
	case c.Name == "swapoff":
		return 0
	}
	if _, err := c.Shell.Stat(c.Path(names[0])); err != nil {
		return c.Fail("swapon: cannot open %s: %s", names[0], shell.Reason(err))
	}
	return c.Fail("swapon: %s: read swap header failed", names[0])
}

func modprobe(_ context.Context, c *call) int {
	names := c.Operands()
	switch {
	case c.Name == "lsmod":
		return c.Done("Module                  Size  Used by\nbr_netfilter           32768  0\noverlay               151552  12\nnf_conntrack          172032  3\nxt_conntrack           16384  14\n")
	case len(names) == 0:
		return c.Fail("%s: ERROR: missing parameters. See -h.", c.Name)
	case !c.Root() && c.Name == "rmmod":
		return c.Fail("rmmod: ERROR: ../libkmod/libkmod-module.c:799 kmod_module_remove_module() could not remove '%s': Operation not permitted\nrmmod: ERROR: could not remove module %s: Operation not permitted", names[0], names[0])
	case !c.Root():
		return c.Fail("modprobe: ERROR: could not insert '%s': Operation not permitted", names[0])
	case c.Name == "rmmod" || c.Has("r"):
		return c.Fail("%s: ERROR: Module %s is in use", c.Name, names[0])
	}
	switch names[0] {
	case "br_netfilter", "overlay", "nf_conntrack", "ip_vs", "xt_conntrack":
		return 0
	}
	return c.Fail("modprobe: FATAL: Module %s not found in directory /lib/modules", names[0])
}

func mount(_ context.Context, c *call) int {
	names := c.Operands()
	switch {
	case c.Name == "mount" && len(names) == 0:
		return c.Done("/dev/sda1 on / type ext4 (rw,relatime,discard,errors=remount-ro)\ndevtmpfs on /dev type devtmpfs (rw,nosuid,noexec,relatime)\nproc on /proc type proc (rw,nosuid,nodev,noexec,relatime)\nsysfs on /sys type sysfs (rw,nosuid,nodev,noexec,relatime)\ntmpfs on /run type tmpfs (rw,nosuid,nodev)\ncgroup2 on /sys/fs/cgroup type cgroup2 (rw,nosuid,nodev,noexec,relatime)\n/dev/sda15 on /boot/efi type vfat (rw,relatime)\n")
	case len(names) == 0:
		return c.Fail("umount: bad usage\nTry 'umount --help' for more information.")
	case c.Name == "umount":
		target := names[0]
		if !c.Root() {
			return c.Quit(32, "umount: %s: must be superuser to unmount.", target)
		}
		switch c.Path(target) {
		case "/", "/dev", "/proc", "/sys", "/run", "/boot/efi", "/sys/fs/cgroup":
			return c.Quit(32, "umount: %s: target is busy.", target)
		}
		return c.Quit(32, "umount: %s: not mounted.", target)
	case !c.Root():
		return c.Fail("mount: only root can do that")
	}
	if c.Has("o") { // a remount
		return 0
	}
	return c.Fail("mount: %s: special device %s does not exist.", names[len(names)-1], names[0])
}
