package program

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// kernelParameters are those of a container for which the pod sets no other.
var kernelParameters = map[string]string{
	"kernel.shm_rmid_forced": "0", "kernel.msgmax": "8192", "kernel.sem": "32000\t1024000000\t500\t32000", "kernel.pid_max": "4194304",
	"net.ipv4.ip_local_port_range": "32768\t60999", "net.ipv4.tcp_syncookies": "1", "net.ipv4.ip_unprivileged_port_start": "0",
	"net.ipv4.tcp_keepalive_time": "7200", "net.ipv4.ping_group_range": "0\t2147483647", "net.core.somaxconn": "4096",
	"vm.max_map_count": "65530", "vm.overcommit_memory": "1", "vm.swappiness": "60", "fs.file-max": "9223372036854775807",
}

// sysctls are the kernel's parameters as the container sees them.
func sysctls(s Spec) map[string]string {
	all := maps.Clone(kernelParameters)
	maps.Copy(all, s.Sysctls)
	return all
}

// sysctlFile is where /proc has a parameter.
func sysctlFile(name string) string { return "proc/sys/" + strings.ReplaceAll(name, ".", "/") }

// sysctl prints parameters. A container cannot change them.
func sysctl(_ context.Context, c *call) int {
	names := c.Operands()
	if c.Has("a") {
		names = slices.Sorted(maps.Keys(sysctls(c.spec)))
	}
	code := 0
	for _, n := range names {
		name, _, sets := strings.Cut(n, "=")
		b, err := c.Read("/" + sysctlFile(name))
		switch {
		case err != nil:
			code = c.Fail("sysctl: error: '%s' is an unknown key", name)
		case sets:
			code = c.Fail("sysctl: error setting key '%s': Read-only file system", name)
		case c.Has("n"):
			c.Printf("%s", b)
		default:
			c.Printf("%s = %s", name, b)
		}
	}
	return code
}

// nonewprivs is the program of an end-to-end test: root's, with the bit by which whoever
// starts it becomes root.
func nonewprivs(_ context.Context, c *call) int {
	uid := int64(0)
	if c.spec.NoNewPrivileges {
		uid = c.spec.UID
	}
	return c.Done("Effective uid: %d\n", uid)
}

// mount lists what is mounted, of one type if one is asked for. A container mounts nothing.
func mount(_ context.Context, c *call) int {
	o := c.Options("t= o=")
	if len(o.Operands) > 0 {
		return 0
	}
	list := []Mount{c.spec.root(), {Path: "/proc", Type: "proc"}, {Path: "/dev", Type: "tmpfs"}, {Path: "/sys", Type: "sysfs", ReadOnly: true}}
	for _, m := range append(list, c.spec.Mounts...) {
		if t := o.Value("t"); t == "" || t == m.fileSystem() {
			c.Printf("%s on %s type %s (%s)\n", m.source(), m.Path, m.fileSystem(), m.options())
		}
	}
	return 0
}
