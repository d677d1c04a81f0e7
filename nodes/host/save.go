package host

import (
	"encoding/json"
	"fmt"
	"time"
)

// savedVersion is the version of the saved form.
const savedVersion = 1

// saved is the form in which a machine is kept.
type saved struct {
	Version int    `json:"version"`
	Host    *delta `json:"host"`
}

// Save returns all by which the machine differs from its image, for
// [Host.Load]; nil if nothing does. When a machine was booted is kept with
// what differs, and lost if nothing does.
func (h *Host) Save() ([]byte, error) {
	if h.d == pristine {
		return nil, nil
	}
	d := *h.d
	d.Booted = h.booted
	b, err := json.Marshal(saved{savedVersion, &d})
	if err != nil {
		return nil, fmt.Errorf("save machine %s: %w", h.name, err)
	}
	return b, nil
}

// Load puts the machine into the state that Save returned. On an error it
// stays as it was.
func (h *Host) Load(data []byte) error {
	if len(data) == 0 {
		h.d = pristine
		return nil
	}
	var s saved
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read the saved machine %s: %w", h.name, err)
	}
	if s.Version != savedVersion || s.Host == nil {
		return fmt.Errorf("the saved machine %s is of version %d; this program reads version %d", h.name, s.Version, savedVersion)
	}
	h.d = made(s.Host)
	if !s.Host.Booted.IsZero() {
		h.booted = s.Host.Booted
	}
	h.d.Booted = time.Time{}
	h.sound()
	h.recount()
	return nil
}

// sound drops what no machine can have, so that nothing else has to ask.
func (h *Host) sound() {
	d := h.d
	for name, s := range d.Units {
		if s == nil || !plainName(name) {
			delete(d.Units, name)
		}
	}
	for name, w := range d.Monitors {
		if w == nil {
			delete(d.Monitors, name)
		}
	}
	for pid, p := range d.Processes {
		if p == nil || pid <= 1 {
			delete(d.Processes, pid)
		}
	}
	for name := range d.Packages {
		if _, ok := h.image.known(name); !ok {
			delete(d.Packages, name)
		}
	}
	for name := range d.OnHold {
		if _, ok := h.image.known(name); !ok {
			delete(d.OnHold, name)
		}
	}
	h.soundFiles()
}

// soundFiles drops files that no disk can have.
func (h *disk) soundFiles() {
	for p, n := range h.d.Files {
		q, err := clean(p)
		if n == nil || err != nil || q != p || n.Size < 0 || n.Size > h.room+diskUsed || len(n.Data) > maxContent {
			delete(h.d.Files, p)
		}
	}
	if root := h.d.Files["/"]; root != nil {
		root.Gone, root.Dir = false, true
	}
}

// recount makes the sums anew from what is kept.
func (h *Host) recount() {
	h.recountFiles()
	for name, version := range h.d.Packages {
		h.d.used += h.packageGrowth(name, version)
	}
}

// recountFiles makes the sums of files anew.
func (h *disk) recountFiles() {
	d := h.d
	d.used, d.kept = -h.image.listed, 0
	for _, e := range h.subtree("/") {
		d.used += e.cost()
		if e.node != nil {
			d.kept += len(e.node.Data)
		}
	}
}
