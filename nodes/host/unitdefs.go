package host

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// unitDef is what a unit's file says, and what its program needs.
type unitDef struct {
	name        string
	description string
	exec        string
	user        string
	file        string // the path of its file
	pkg         string // the package that brings it, if one does
	restart     bool
	delay       time.Duration // RestartSec
	static      bool          // has no [Install]
	timer       bool          // is a timer, which has no process
	base        bool          // runs on a machine that is as its image
	memory      int64         // bytes
	pid         int           // after a boot that went well
	needs       []need        // besides its program
}

// need is something without which a unit's program ends at once. It returns
// the line that the program logs then, "" if there is no lack.
type need func(h *disk) string

const (
	etcUnits = "/etc/systemd/system/"
	libUnits = "/usr/lib/systemd/system/"
)

// imageUnits are the units that run on every machine of an image.
func imageUnits() []*unitDef {
	kubeletExec := "/usr/local/bin/kubelet --config=/var/lib/kubelet/config.yaml --kubeconfig=/var/lib/kubelet/kubeconfig --bootstrap-kubeconfig=/var/lib/kubelet/bootstrap-kubeconfig --node-labels=${KUBELET_NODE_LABELS} $KUBELET_FLAGS"
	units := []*unitDef{
		{name: Kubelet, description: "Kubelet", exec: kubeletExec, file: etcUnits + Kubelet, delay: 2 * time.Second, memory: 96 << 20, needs: kubeletNeeds},
		{name: Containerd, description: "containerd container runtime", exec: "/usr/bin/containerd", file: libUnits + Containerd, pkg: "moby-containerd", delay: 5 * time.Second, memory: 72 << 20, needs: containerdNeeds},
		{name: CNS, description: "Azure container networking service", exec: "/opt/azure/azure-cns --config /etc/kubernetes/azure.json", file: etcUnits + CNS, memory: 48 << 20},
		{name: NPD, description: "Node problem detector", exec: "/usr/local/bin/node-problem-detector --v=2", file: etcUnits + NPD, memory: 40 << 20},
		{name: Agent, description: "Azure Linux Agent", exec: "/usr/bin/python3 -u /usr/sbin/waagent -daemon", file: libUnits + Agent, pkg: "walinuxagent", memory: 36 << 20},
		{name: SSH, description: "OpenBSD Secure Shell server", exec: "/usr/sbin/sshd -D", file: libUnits + SSH, pkg: "openssh-server", memory: 9 << 20},
		{name: KubeletMonitor, description: "Monitor of the kubelet", exec: monitorScript + " kubelet", file: etcUnits + KubeletMonitor, memory: 4 << 20},
		{name: ContainerdMonitor, description: "Monitor of containerd", exec: monitorScript + " container-runtime", file: etcUnits + ContainerdMonitor, memory: 4 << 20},
		{name: "systemd-journald.service", description: "Journal Service", exec: "/usr/lib/systemd/systemd-journald", static: true, memory: 40 << 20},
		{name: "systemd-logind.service", description: "User Login Management", exec: "/usr/lib/systemd/systemd-logind", static: true, memory: 7 << 20},
		{name: "systemd-networkd.service", description: "Network Configuration", exec: "/usr/lib/systemd/systemd-networkd", user: "systemd-network", memory: 8 << 20},
		{name: "systemd-resolved.service", description: "Network Name Resolution", exec: "/usr/lib/systemd/systemd-resolved", user: "systemd-resolve", memory: 13 << 20},
		{name: "systemd-udevd.service", description: "Rule-based Manager for Device Events and Files", exec: "/usr/lib/systemd/systemd-udevd", static: true, memory: 7 << 20},
		{name: "dbus.service", description: "D-Bus System Message Bus", exec: "/usr/bin/dbus-daemon --system", user: "messagebus", static: true, memory: 5 << 20},
		{name: "cron.service", description: "Regular background program processing daemon", exec: "/usr/sbin/cron -f -P", pkg: "cron", memory: 3 << 20},
		{name: "chrony.service", description: "chrony, an NTP client/server", exec: "/usr/sbin/chronyd -F 1", user: "_chrony", pkg: "chrony", memory: 4 << 20},
		{name: "rsyslog.service", description: "System Logging Service", exec: "/usr/sbin/rsyslogd -n", user: "syslog", pkg: "rsyslog", memory: 6 << 20},
		{name: "unattended-upgrades.service", description: "Unattended Upgrades Shutdown", exec: "/usr/bin/python3 /usr/share/unattended-upgrades/unattended-upgrade-shutdown --wait-for-signal", pkg: "unattended-upgrades", memory: 22 << 20},
		{name: UpgradeTimer, description: "Daily apt upgrade and clean activities", timer: true},
	}
	for i, u := range units {
		u.base, u.restart, u.pid = true, true, 412+i*83
		if u.timer {
			u.restart, u.pid = false, 0
		}
		if u.delay == 0 {
			u.delay = 10 * time.Second
		}
		if u.user == "" {
			u.user = "root"
		}
		if u.file == "" {
			u.file = libUnits + u.name
		}
	}
	return units
}

// content is the text of the unit's file. [parseUnit] reads it back.
func (u *unitDef) content() string {
	var b strings.Builder
	if u.timer {
		return "[Unit]\nDescription=" + u.description + "\nAfter=apt-daily.timer\n\n[Timer]\nOnCalendar=*-*-* 6:00\nRandomizedDelaySec=60m\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
	}
	fmt.Fprintf(&b, "[Unit]\nDescription=%s\nAfter=network-online.target\n", u.description)
	if u.name == Kubelet {
		b.WriteString("Wants=containerd.service\n")
	}
	fmt.Fprintf(&b, "\n[Service]\nExecStart=%s\n", u.exec)
	if u.user != "root" {
		fmt.Fprintf(&b, "User=%s\n", u.user)
	}
	if u.restart {
		fmt.Fprintf(&b, "Restart=always\nRestartSec=%d\n", int(u.delay/time.Second))
	}
	if !u.static {
		b.WriteString("\n[Install]\nWantedBy=multi-user.target\n")
	}
	return b.String()
}

// parseUnit reads a unit's file as an administrator may have written it.
func parseUnit(name, file, content string) *unitDef {
	u := &unitDef{name: name, description: name, file: file, user: "root", static: true, memory: 8 << 20, delay: time.Second}
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		if line == "[Install]" {
			u.static = false
		}
		key, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "Description":
			u.description = value
		case "ExecStart":
			u.exec = strings.TrimLeft(value, "-@:+!|")
		case "User":
			u.user = value
		case "Restart":
			u.restart = value == "always" || value == "on-failure"
		case "RestartSec":
			if n, err := strconv.Atoi(strings.TrimSuffix(value, "s")); err == nil && n > 0 && n < 1<<20 {
				u.delay = time.Duration(n) * time.Second
			}
		}
	}
	return u
}

// program is the file that the unit runs.
func (u *unitDef) program() string {
	p, _, _ := strings.Cut(u.exec, " ")
	return p
}

// definition returns the unit as its file says; no file, no unit.
func (h *systemd) definition(name string) (*unitDef, bool) {
	known := h.image.units[name]
	for _, file := range []string{etcUnits + name, libUnits + name} {
		e, ok := h.see(h.follow(file, true))
		if !ok || e.dir {
			continue
		}
		if known != nil && known.file == file && e.text(h.name) == known.content() {
			return known, true
		}
		u := parseUnit(name, file, e.text(h.name))
		if known != nil {
			u.pkg, u.memory, u.base, u.pid = known.pkg, known.memory, known.base, known.pid
			u.needs, u.timer = known.needs, known.timer
		}
		return u, true
	}
	return nil, false
}

// unitName adds ".service" where it was left out.
func unitName(name string) string {
	for _, kind := range []string{".service", ".socket", ".timer", ".target", ".mount", ".slice", ".path"} {
		if strings.HasSuffix(name, kind) {
			return name
		}
	}
	return name + ".service"
}

// plainName says whether a text can be the name of a unit.
func plainName(name string) bool {
	if name == "" || len(name) > 255 {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(":-_.\\@", r))
	}) < 0
}

// knownAs is the unit as systemd knows it, even if its file is gone.
func (h *systemd) knownAs(name string) *unitDef {
	if def, ok := h.definition(name); ok {
		return def
	}
	if def := h.image.units[name]; def != nil {
		return def
	}
	return &unitDef{name: name, description: name, exec: name, user: "root"}
}
