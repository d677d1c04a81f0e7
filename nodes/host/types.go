package host

import (
	"io/fs"
	"time"
)

// The units that the fleet asks about.
const (
	Kubelet           = "kubelet.service"
	Containerd        = "containerd.service"
	CNS               = "azure-cns.service" // the network agent
	NPD               = "node-problem-detector.service"
	Agent             = "walinuxagent.service" // the Azure Linux agent
	SSH               = "ssh.service"
	KubeletMonitor    = "kubelet-monitor.service"
	ContainerdMonitor = "containerd-monitor.service"
)

// The kinds of [Action].
const (
	Restarted = "restart" // systemd restarted a unit after it died
	Started   = "start"   // a monitor started a unit
	Restored  = "restore" // a monitor restored a file, or a unit's mask or enablement
)

// Action is what the node's own init system or a monitor did by itself.
type Action struct {
	Unit    string    // the unit concerned
	Kind    string    // Restarted, Started or Restored
	Broken  time.Time // since when that was broken
	Noticed time.Time // when it was noticed
	Detail  string    // a sentence: "systemd restarted kubelet.service 2 s after it was killed"
}

// Unit is a systemd unit, in systemd's words.
type Unit struct {
	Name        string
	Description string
	Load        string // loaded, not-found or masked
	Active      string // active, inactive, failed or activating
	Sub         string // running, dead, failed, auto-restart
	File        string // its path; "" if there is none
	Enabled     string // enabled, disabled, masked or static
	PID         int    // of the main process; 0 if none runs
	Since       time.Time
	Result      string // success, exit-code, signal, start-limit-hit, protocol
	ExecStart   string
	Masked      bool
}

// Process is a process of the machine itself, not of a container.
type Process struct {
	PID     int
	User    string
	Command string
	Unit    string // "" if no unit started it
	Memory  int64  // bytes
	Since   time.Time
}

// Package is a Debian package that is installed or that can be.
type Package struct {
	Name        string
	Version     string // the installed one, else the one that would be installed
	Description string
	Installed   bool
	Provider    bool // the node image brings it, and the provider relies on it
	// Candidate is the newest version in the archives, Security says that it is
	// in the security pocket, and Held that an administrator keeps it away.
	Candidate string
	Security  bool
	Held      bool
}

// File is a file or a directory on the machine. Paths are absolute and clean.
type File struct {
	Path     string
	Size     int64 // bytes
	Mode     fs.FileMode
	Dir      bool
	ModTime  time.Time
	Provider bool // the provider owns it
	Owner    Owner
}

// Owner is whose a file is: names, or numbers without an account. Empty is root.
type Owner struct {
	User  string `json:"user,omitempty"`
	Group string `json:"group,omitempty"`
}

// Rule is one rule of a chain of iptables.
type Rule struct {
	// Text is the rule's arguments as iptables -S prints them, without
	// "-A CHAIN".
	Text string
}

// Entry is one line of the journal.
type Entry struct {
	Time    time.Time `json:"t"`
	Unit    string    `json:"u,omitempty"`
	Ident   string    `json:"i"`
	PID     int       `json:"p,omitempty"`
	Message string    `json:"m"`
}
