package host

import "time"

// Sizes of the machine, in bytes, if it has no others ([Host.SetHardware]).
const (
	diskSize   = 129886128 << 10
	diskUsed   = 22 << 30 // by the image
	memorySize = 16373420 << 10
)

// machine is the hardware and how its disk differs from its image: what all parts of the
// operating system stand on.
type machine struct {
	name        string
	image       *Image
	booted      time.Time // zero: not known
	d           *delta    // pristine: nothing differs from the image
	room        int64     // bytes that files can take beside what the image has
	diskBytes   int64     // of its disk
	memoryBytes int64     // of its memory

	patching *Patching           // nil: it gets no patches
	writes   Writes              // of whoever writes now; nil for nobody
	after    func(now time.Time) // follows every change
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
	Firewall   firewall              `json:"firewall,omitzero"`
	Journal    []Entry               `json:"journal,omitempty"`

	changes int
	used    int64 // bytes on disk more than the image's
	kept    int   // bytes of content in Files
}

// pristine is the delta of a machine that is as its image. Nobody writes to it.
var pristine = &delta{}

// made is a delta with all its maps.
func made(d *delta) *delta {
	makeMap(&d.Held)
	makeMap(&d.Units)
	makeMap(&d.Monitors)
	makeMap(&d.Processes)
	makeMap(&d.Packages)
	makeMap(&d.OnHold)
	makeMap(&d.Loaded)
	makeMap(&d.Files)
	return d
}

func makeMap[K comparable, V any](m *map[K]V) {
	if *m == nil {
		*m = map[K]V{}
	}
}

// Image returns the image that the machine's disk was made from.
func (h *machine) Image() *Image { return h.image }

// Name returns the machine's name.
func (h *machine) Name() string { return h.name }

// SetBooted says when a new machine was booted.
func (h *machine) SetBooted(t time.Time) { h.booted = t }

// change returns the machine's delta, and makes one if there is none.
func (h *machine) change() *delta {
	if h.d == pristine {
		h.d = made(&delta{})
	}
	return h.d
}

// settle follows every change.
func (h *machine) settle(now time.Time) {
	if h.d == pristine {
		return
	}
	h.d.changes++
	h.after(now)
}

// Disk returns the bytes that are used of the root disk, and its size.
func (h *machine) Disk() (used, size int64) { return h.diskBytes - h.free(), h.diskBytes }

// Changes counts what was changed on the machine: after a change it is another
// number than before.
func (h *machine) Changes() int { return h.d.changes }

// free returns the bytes that are free on the root disk.
func (h *machine) free() int64 {
	return min(max(h.room-h.d.used, 0), h.room+diskUsed)
}

// Uptime returns how long the machine has been up; 0 if it is not.
func (h *machine) Uptime(now time.Time) time.Duration {
	if h.off() || h.booted.IsZero() {
		return 0
	}
	return max(now.Sub(h.booted), 0)
}

func (h *machine) off() bool { return h.d.Off }

// Writes is the packages, units and files that somebody has written to, as
// [Change] names them.
type Writes map[string]bool

// Note has what is written from now on noted in w, until it is called again; nil
// for nobody.
func (h *machine) Note(w Writes) { h.writes = w }

// wrote notes that something was written to.
func (h *machine) wrote(kind, name string) {
	if h.writes != nil && len(h.writes) < maxNodes {
		h.writes[kind+" "+name] = true
	}
}

// Kernel returns the version of the kernel that runs.
func (h *machine) Kernel() string {
	if h.d.Kernel != "" {
		return h.d.Kernel
	}
	return h.image.Kernel
}

// SetPatching lets the machine install patches every night.
func (h *machine) SetPatching(p *Patching) { h.patching = p }

// archive is the security pocket; nil if the machine has none.
func (h *machine) archive() *Archive {
	if h.patching == nil {
		return nil
	}
	return h.patching.Archive
}
