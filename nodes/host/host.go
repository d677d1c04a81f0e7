// Package host is the operating system of one simulated worker machine: its
// systemd units, processes, packages, files, packet filter, journal and boot.
//
// An [Image] is what all machines of a node image share; a [Host] is one
// machine. From outside one calls the methods of Host: those that read may be
// called at any time, those that change something take the time at which they
// happen. A caller serialises all calls by itself; there are no goroutines and
// no locks here, and no input makes a method panic.
//
// How it works: a Host that is as its image is holds nothing but a name, the
// image and the time of its boot. The first change gives it a delta, which
// keeps only what differs: states of units, versions of packages, files over
// the image's (with tombstones for deleted trees), chains of the packet filter.
// What the machine does by itself is planned: [Host.Next] says when something
// is due, and [Host.Step] does it. systemd restarts what died; two monitors,
// which are units themselves, look every 30 s for things of the provider that
// are not as they should be, and put right what is still wrong a look later.
package host

import "time"

// Sizes of the machine, in bytes.
const (
	diskSize   = 129886128 << 10
	diskUsed   = 22 << 30 // by the image
	memorySize = 16373420 << 10
)

// Host is one machine. Make it with [New].
type Host struct {
	name   string
	image  *Image
	booted time.Time // zero: not known
	d      *delta    // nil: nothing differs from the image

	patching *Patching // nil: it gets no patches
	upgrades []Upgrade // that nobody has taken yet
	writes   Writes    // of whoever writes now; nil for nobody
}

// delta is how a machine differs from its image. Its exported fields are what
// is saved.
type delta struct {
	Booted time.Time `json:"booted,omitzero"`
	// Off says that nothing runs: there is no power, or the boot failed.
	Off        bool                  `json:"off,omitempty"`
	Kernel     string                `json:"kernel,omitempty"` // that runs, if not the image's
	Request    string                `json:"request,omitempty"`
	Held       map[string]bool       `json:"held,omitempty"`
	Units      map[string]*unitState `json:"units,omitempty"`
	NotStarted []string              `json:"notStarted,omitempty"` // units, at the last boot
	Monitors   map[string]*watch     `json:"monitors,omitempty"`
	LastPID    int                   `json:"lastPID,omitempty"`
	Processes  map[int]*spawned      `json:"processes,omitempty"`
	Packages   map[string]string     `json:"packages,omitempty"` // versions; "" is removed
	OnHold     map[string]bool       `json:"onHold,omitempty"`   // packages that keep their version
	Loaded     map[string]string     `json:"loaded,omitempty"`   // versions that run, of packages that wait for a reboot
	Upgraded   time.Time             `json:"upgraded,omitzero"`  // when the upgrade timer was last due
	Files      map[string]*node      `json:"files,omitempty"`
	Firewall   *firewall             `json:"firewall,omitempty"`
	Journal    []Entry               `json:"journal,omitempty"`

	changes int
	used    int64 // bytes on disk more than the image's
	kept    int   // bytes of content in Files
}

// New returns a machine that is on, booted and well. Its uptime is not known
// before [Host.SetBooted] or [Host.Boot].
func New(name string, image *Image) *Host {
	if image == nil {
		image = NewImage("", "")
	}
	return &Host{name: name, image: image}
}

// Image returns the image that the machine's disk was made from.
func (h *Host) Image() *Image { return h.image }

// Name returns the machine's name.
func (h *Host) Name() string { return h.name }

// SetBooted says when a new machine was booted.
func (h *Host) SetBooted(t time.Time) { h.booted = t }

// change returns the machine's delta, and makes one if there is none.
func (h *Host) change() *delta {
	if h.d == nil {
		h.d = &delta{}
	}
	return h.d
}

// settle follows every change: what cannot run any more dies, and monitors plan
// their next look.
func (h *Host) settle(now time.Time) {
	if h.d == nil {
		return
	}
	h.d.changes++
	h.diskFullKills(now)
	h.plan(now)
}

// Disk returns the bytes that are used of the root disk, and its size.
func (h *Host) Disk() (used, size int64) { return diskSize - h.free(), diskSize }

// Changes counts what was changed on the machine: after a change it is another
// number than before.
func (h *Host) Changes() int {
	if h.d == nil {
		return 0
	}
	return h.d.changes
}

// free returns the bytes that are free on the root disk.
func (h *Host) free() int64 {
	if h.d == nil {
		return diskSize - diskUsed
	}
	return min(max(diskSize-diskUsed-h.d.used, 0), diskSize)
}

// Memory returns the bytes of memory that the machine's own processes use, at
// most all, and the machine's size. Containers are not among them.
func (h *Host) Memory() (used, size int64) {
	for _, p := range h.Processes() {
		used += min(p.Memory, memorySize)
	}
	return min(used, memorySize), memorySize
}

// Uptime returns how long the machine has been up; 0 if it is not.
func (h *Host) Uptime(now time.Time) time.Duration {
	if h.off() || h.booted.IsZero() {
		return 0
	}
	return max(now.Sub(h.booted), 0)
}

func (h *Host) off() bool { return h.d != nil && h.d.Off }

// RequestReboot records that a command on the machine asked for a reboot.
func (h *Host) RequestReboot(now time.Time) { h.request(now, "reboot", "The system will reboot now!") }

// RequestPowerOff records that a command on the machine asked to power it off.
func (h *Host) RequestPowerOff(now time.Time) {
	h.request(now, "poweroff", "The system will power off now!")
}

func (h *Host) request(now time.Time, what, message string) {
	if h.off() {
		return
	}
	h.change().Request = what
	h.Log(now, "systemd-logind.service", "systemd-logind", message)
}

// TakePowerRequest returns what was asked for since the last call: "", "reboot"
// or "poweroff".
func (h *Host) TakePowerRequest() string {
	if h.d == nil {
		return ""
	}
	what := h.d.Request
	h.d.Request = ""
	return what
}
