package host

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Sizes of what a kernel package brings, in bytes.
const (
	kernelSize  = 11 << 20
	initrdSize  = 34 << 20
	modulesSize = 120 << 20
)

// packageDef is a package that the machine's archives have.
type packageDef struct {
	name        string
	version     string // in the image, else in the archive
	newer       string // in the archive, if it has a newer one
	description string
	size        int64 // bytes when installed
	programs    []string
	unit        string // that it brings
	config      string // path of its configuration
	kernel      string // that it is, or that it wants: a metapackage
	meta        bool
	base        bool // in the image
	provider    bool
	essential   bool
}

// candidate is the version that would be installed.
func (p *packageDef) candidate() string {
	if p.newer != "" {
		return p.newer
	}
	return p.version
}

// catalogue returns the packages by name.
func catalogue(i *Image) map[string]*packageDef {
	const kib, mib = 1 << 10, 1 << 20
	list := []*packageDef{
		// In the image.
		{name: "moby-containerd", version: "1.7.27-ubuntu22.04u1", description: "industry-standard container runtime", size: 130 * mib, unit: Containerd, provider: true, base: true},
		{name: "moby-runc", version: "1.2.6-ubuntu22.04u1", description: "command line tool to run containers", size: 10 * mib, provider: true, base: true},
		{name: "walinuxagent", version: "2.2.46-0ubuntu5.1", description: "Azure Linux Agent", size: 1 * mib, unit: Agent, provider: true, base: true},
		{name: "openssh-server", version: "1:8.9p1-3ubuntu0.10", newer: "1:8.9p1-3ubuntu0.13", description: "secure shell server", size: 1500 * kib, unit: SSH, base: true},
		{name: "cron", version: "3.0pl1-137ubuntu3", description: "process scheduling daemon", size: 260 * kib, unit: "cron.service", base: true},
		{name: "chrony", version: "4.2-2ubuntu2", description: "network time client and server", size: 660 * kib, unit: "chrony.service", base: true},
		{name: "rsyslog", version: "8.2112.0-2ubuntu2.2", description: "system logging daemon", size: 1800 * kib, unit: "rsyslog.service", base: true},
		{name: "unattended-upgrades", version: "2.8ubuntu1", description: "automatic installation of security upgrades", size: 420 * kib, unit: "unattended-upgrades.service", base: true},
		{name: "libc6", version: "2.35-0ubuntu3.9", newer: "2.35-0ubuntu3.10", description: "GNU C library", size: 13 * mib, base: true, essential: true},
		{name: "bash", version: "5.1-6ubuntu1.1", description: "GNU Bourne Again SHell", size: 1900 * kib, base: true, essential: true},
		{name: "coreutils", version: "8.32-4.1ubuntu1.2", description: "GNU core utilities", size: 7 * mib, base: true, essential: true},
		{name: "dpkg", version: "1.21.1ubuntu2.3", description: "Debian package management system", size: 6 * mib, base: true, essential: true},
		{name: "systemd", version: "249.11-0ubuntu3.15", description: "system and service manager", size: 20 * mib, base: true, essential: true},
		{name: "openssl", version: "3.0.2-0ubuntu1.18", newer: "3.0.2-0ubuntu1.20", description: "Secure Sockets Layer toolkit", size: 2 * mib, base: true},
		{name: "curl", version: "7.81.0-1ubuntu1.20", newer: "7.81.0-1ubuntu1.21", description: "command line tool for transferring data with URL syntax", size: 450 * kib, base: true},
		{name: "iptables", version: "1.8.7-1ubuntu5.2", description: "administration tools for packet filtering and NAT", size: 2800 * kib, base: true},
		{name: "nfs-common", version: "1:2.6.1-1ubuntu1.2", description: "NFS support files", size: 900 * kib, base: true},
		{name: "linux-image-azure", version: "5.15.0.1110.107", newer: "6.8.0.1015.17", description: "Linux kernel image for Azure systems", size: 20 * kib, kernel: "6.8.0-1015-azure", meta: true, base: true},
		// In the archive.
		{name: "linux-image-generic", version: "5.15.0.119.119", description: "generic Linux kernel image", size: 20 * kib, kernel: "5.15.0-119-generic", meta: true},
		{name: "linux-image-generic-hwe-22.04", version: "6.8.0-45.45~22.04.1", description: "generic Linux kernel image, newer", size: 20 * kib, kernel: "6.8.0-45-generic", meta: true},
		{name: "linux-image-lowlatency", version: "5.15.0.119.109", description: "lowlatency Linux kernel image", size: 20 * kib, kernel: "5.15.0-119-lowlatency", meta: true},
		{name: "htop", version: "3.0.5-7build2", description: "interactive processes viewer", size: 340 * kib, programs: []string{"htop"}},
		{name: "jq", version: "1.6-2.1ubuntu3", description: "lightweight and flexible command-line JSON processor", size: 100 * kib, programs: []string{"jq"}},
		{name: "vim", version: "2:8.2.3995-1ubuntu2.24", description: "Vi IMproved, an enhanced vi editor", size: 4 * mib, programs: []string{"vim"}},
		{name: "nano", version: "6.2-1", description: "small, friendly text editor", size: 880 * kib, programs: []string{"nano"}},
		{name: "tmux", version: "3.2a-4ubuntu0.2", description: "terminal multiplexer", size: 1 * mib, programs: []string{"tmux"}},
		{name: "git", version: "1:2.34.1-1ubuntu1.12", description: "fast, scalable, distributed revision control system", size: 19 * mib, programs: []string{"git"}},
		{name: "wget", version: "1.21.2-2ubuntu1.1", description: "retrieves files from the web", size: 980 * kib, programs: []string{"wget"}},
		{name: "net-tools", version: "1.60+git20181103.0eebece-1ubuntu5", description: "NET-3 networking toolkit", size: 800 * kib, programs: []string{"netstat", "ifconfig"}},
		{name: "tcpdump", version: "4.99.1-3ubuntu0.2", description: "command-line network traffic analyzer", size: 1400 * kib, programs: []string{"tcpdump"}},
		{name: "strace", version: "5.16-0ubuntu3", description: "system call tracer", size: 2 * mib, programs: []string{"strace"}},
		{name: "iperf3", version: "3.9-1+deb11u1build0.22.04.1", description: "Internet Protocol bandwidth measuring tool", size: 70 * kib, programs: []string{"iperf3"}},
		{name: "nmap", version: "7.91+dfsg1+really7.80+dfsg1-2ubuntu0.1", description: "network mapper", size: 4 * mib, programs: []string{"nmap"}},
		{name: "sysstat", version: "12.5.2-2ubuntu0.2", description: "system performance tools", size: 1500 * kib, programs: []string{"sar", "iostat", "pidstat"}},
		{name: "iotop", version: "0.6-24-g733f3f8-1.1ubuntu0.1", description: "simple top-like I/O monitor", size: 70 * kib, programs: []string{"iotop"}},
		{name: "stress", version: "1.0.5-1", description: "tool to impose load on a computer", size: 60 * kib, programs: []string{"stress"}},
		{name: "stress-ng", version: "0.13.12-2ubuntu1", description: "tool to load and stress a computer", size: 2400 * kib, programs: []string{"stress-ng"}},
		{name: "python3-pip", version: "22.0.2+dfsg-1ubuntu0.5", description: "Python package installer", size: 7 * mib, programs: []string{"pip3"}},
		{name: "build-essential", version: "12.9ubuntu3", description: "list of what is needed to build Debian packages", size: 190 * mib, programs: []string{"gcc", "g++", "make"}},
		{name: "nginx", version: "1.18.0-6ubuntu14.6", description: "small, powerful, scalable web/proxy server", size: 3 * mib, unit: "nginx.service", config: "/etc/nginx/nginx.conf"},
		{name: "apache2", version: "2.4.52-1ubuntu4.14", description: "Apache HTTP Server", size: 8 * mib, unit: "apache2.service", config: "/etc/apache2/apache2.conf"},
		{name: "docker.io", version: "26.1.3-0ubuntu1~22.04.1", description: "Linux container runtime", size: 140 * mib, programs: []string{"docker"}, unit: "docker.service"},
		{name: "redis-server", version: "5:6.0.16-1ubuntu1", description: "persistent key-value database", size: 1 * mib, unit: "redis-server.service", config: "/etc/redis/redis.conf"},
		{name: "fail2ban", version: "0.11.2-6", description: "ban hosts that cause multiple authentication errors", size: 2 * mib, unit: "fail2ban.service", config: "/etc/fail2ban/fail2ban.conf"},
		{name: "auditd", version: "1:3.0.7-1build1", description: "user space tools for security auditing", size: 900 * kib, unit: "auditd.service", config: "/etc/audit/auditd.conf"},
	}
	byName := map[string]*packageDef{}
	for _, p := range list {
		byName[p.name] = p
	}
	for name, version := range releaseOf(i.Version).packages {
		p := byName[name]
		p.version, p.newer = version, p.candidate()
	}
	kernel, _ := kernelPackage("linux-image-" + i.Kernel)
	kernel.base, kernel.provider = true, true
	byName[kernel.name] = kernel
	return byName
}

// packageUnits are the units that packages of the archive bring.
func packageUnits() []*unitDef {
	units := []*unitDef{
		{name: "nginx.service", description: "A high performance web server and a reverse proxy server", exec: "/usr/sbin/nginx -g daemon off;", pkg: "nginx", memory: 12 << 20},
		{name: "apache2.service", description: "The Apache HTTP Server", exec: "/usr/sbin/apache2 -D FOREGROUND", pkg: "apache2", memory: 24 << 20},
		{name: "docker.service", description: "Docker Application Container Engine", exec: "/usr/sbin/dockerd -H fd://", pkg: "docker.io", memory: 80 << 20},
		{name: "redis-server.service", description: "Advanced key-value store", exec: "/usr/bin/redis-server 127.0.0.1:6379", user: "redis", pkg: "redis-server", memory: 14 << 20},
		{name: "fail2ban.service", description: "Fail2Ban Service", exec: "/usr/bin/fail2ban-server -xf start", pkg: "fail2ban", memory: 30 << 20},
		{name: "auditd.service", description: "Security Auditing Service", exec: "/usr/sbin/auditd", pkg: "auditd", memory: 6 << 20},
	}
	for _, u := range units {
		u.file, u.restart, u.delay = libUnits+u.name, true, 10*time.Second
		if u.user == "" {
			u.user = "root"
		}
	}
	return units
}

// kernelName is the form of the name of a package that is a kernel.
var kernelName = regexp.MustCompile(`^linux-image-(?:unsigned-)?(\d{1,3}\.\d{1,3}\.\d{1,3})-(\d{1,9})-([a-z][a-z0-9-]{1,40})$`)

// kernelPackage returns the package of that name if it is a kernel.
func kernelPackage(name string) (*packageDef, bool) {
	m := kernelName.FindStringSubmatch(name)
	if m == nil {
		return nil, false
	}
	return &packageDef{
		name:        name,
		version:     fmt.Sprintf("%s-%s.%s", m[1], m[2], m[2]),
		description: "Linux kernel image " + m[3],
		size:        modulesSize + kernelSize + initrdSize,
		kernel:      fmt.Sprintf("%s-%s-%s", m[1], m[2], m[3]),
	}, true
}

// known returns the package of that name, if the archives have one.
func (i *Image) known(name string) (*packageDef, bool) {
	if p := i.packages[name]; p != nil {
		return p, true
	}
	return kernelPackage(name)
}

// olderKernel compares two versions of kernels, such as "5.15.0-1110-azure",
// as GRUB does.
func olderKernel(a, b string) int {
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == '-' })
	}
	x, y := split(a), split(b)
	for i := range min(len(x), len(y)) {
		m, errM := strconv.Atoi(x[i])
		n, errN := strconv.Atoi(y[i])
		if errM != nil || errN != nil {
			break
		}
		if m != n {
			return m - n
		}
	}
	return strings.Compare(a, b)
}
