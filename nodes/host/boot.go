package host

import (
	"slices"
	"time"
)

// PowerLost ends all that runs. What is in memory is gone: processes, packet
// filter, /run. What is planned is too.
func (h *Host) PowerLost(now time.Time) {
	d := h.change()
	for name, s := range d.Units {
		*s = s.down()
		if s.Enabled == "" && !s.Masked {
			delete(d.Units, name)
		}
	}
	d.Off = true
	d.Request, d.Kernel = "", ""
	if d.Upgraded.IsZero() {
		d.Upgraded = h.booted // what the timer misses from now on is made up for
	}
	clear(d.Loaded)
	clear(d.Processes)
	clear(d.Monitors)
	d.Firewall = firewall{}
	for p, n := range d.Files {
		if p == "/run" || below(p, "/run") {
			d.kept -= len(n.Data)
			delete(d.Files, p)
		}
	}
}

// Boot starts the machine: first it loses power, if it had it. The error says
// why it does not come up; then nothing runs.
func (h *Host) Boot(now time.Time) error {
	h.PowerLost(now)
	d := h.d
	kernel, err := h.bootKernel()
	if err != nil {
		return err
	}
	d.Off = false
	d.NotStarted = nil
	h.booted = now
	if kernel != h.image.Kernel {
		d.Kernel = kernel
	}
	for _, name := range h.bootUnits() {
		h.bootUnit(now, name)
	}
	h.settle(now)
	h.forget()
	return nil
}

// bootUnits are the names of all units.
func (h *Host) bootUnits() []string {
	names := slices.Clone(h.image.unitNames)
	for _, u := range h.Units() {
		if h.image.units[u.Name] == nil {
			names = append(names, u.Name)
		}
	}
	return names
}

// bootUnit starts a unit if it is enabled. One of the image's that starts well
// has no state of its own.
func (h *Host) bootUnit(now time.Time, name string) {
	known := h.image.units[name]
	base := known != nil && known.base
	def, ok := h.definition(name)
	wanted := ok && h.enabled(def) != "disabled" && h.enabled(def) != "masked" && !(def.static && !base)
	var f flaw
	if ok {
		f = h.flawOf(def)
	}
	if wanted && base && f.status == "" && !h.held(name) {
		if s := h.d.Units[name]; s != nil {
			s.Active, s.Sub, s.PID, s.Since = active, "running", known.pid, now
		}
		return
	}
	if base {
		h.d.NotStarted = append(h.d.NotStarted, name)
		s := h.edit(name)
		*s = s.down()
		s.Broken, s.Died = now, "was not started at boot"
	}
	if wanted && h.held(name) {
		s := h.edit(name)
		s.Active, s.Sub, s.Restart = activating, "auto-restart", wholeSecond(now.Add(def.delay))
	} else if wanted {
		// What fails is in the journal and in the unit's state.
		_ = h.start(now, name)
	}
}

// forget drops the delta if nothing in it says anything.
func (h *Host) forget() {
	d := h.d
	if d.Off || d.Kernel != "" || d.Request != "" {
		return
	}
	if len(d.Held)+len(d.Units)+len(d.Monitors)+len(d.Processes)+len(d.Packages)+len(d.OnHold)+len(d.Files)+len(d.Journal) == 0 && (h.patching == nil || d.Upgraded.IsZero()) {
		h.d = pristine
	}
}

// Reimage gives the machine a new disk with the image; nil is the one it has.
// Whether it is on does not change, nor do holds. It returns what was lost.
func (h *Host) Reimage(now time.Time, image *Image) (lost []string) {
	lost = h.losses()
	if image != nil {
		h.image = image
	}
	if h.d == pristine {
		return lost
	}
	old := h.d
	h.d = made(&delta{Off: old.Off, Held: old.Held})
	if h.patching != nil {
		h.d.Upgraded = now // a new disk has missed no night
	}
	h.forget()
	return lost
}
