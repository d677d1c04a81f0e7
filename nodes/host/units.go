//lint:file-ignore ST1005 Errors are in the words of systemctl, apt-get and iptables.

package host

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// systemd runs the units that files on the disk define, and keeps the journal.
type systemd struct{ grub }

// States of a unit, in systemd's words.
const (
	active     = "active"
	activating = "activating"
	inactive   = "inactive"
	failed     = "failed"
)

// unitState is a unit's state where it is not as after a boot that went well.
type unitState struct {
	Active   string    `json:"active,omitempty"`
	Sub      string    `json:"sub,omitempty"`
	Result   string    `json:"result,omitempty"`
	PID      int       `json:"pid,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Broken   time.Time `json:"broken,omitzero"`    // since when it does not run
	Died     string    `json:"died,omitempty"`     // how it ended: "was killed"
	Restart  time.Time `json:"restart,omitzero"`   // when systemd starts it again
	Failures int       `json:"failures,omitempty"` // of starts, in a row
	Frozen   bool      `json:"frozen,omitempty"`   // by SIGSTOP
	Enabled  string    `json:"enabled,omitempty"`  // "" is as the unit's file says
	Masked   bool      `json:"masked,omitempty"`
	Settings time.Time `json:"settings,omitzero"` // when Enabled or Masked changed
}

// down is the state without what runs: what was set stays.
func (s unitState) down() unitState {
	return unitState{Active: inactive, Sub: "dead", Result: "success", Enabled: s.Enabled, Masked: s.Masked, Settings: s.Settings}
}

func (s unitState) running() bool { return s.Active == active && s.Sub == "running" }

// errOff is what systemctl says when no systemd runs.
var errOff = errors.New("System has not been booted with systemd as init system (PID 1). Can't operate.")

// state returns the state of the unit, whether it was changed or not.
func (h *systemd) state(name string) unitState {
	if s := h.d.Units[name]; s != nil {
		return *s
	}
	def := h.image.units[name]
	if def == nil || !def.base || h.off() {
		return unitState{Active: inactive, Sub: "dead", Result: "success"}
	}
	return unitState{Active: active, Sub: "running", Result: "success", PID: def.pid, Since: h.booted}
}

// edit returns the state of the unit to be changed.
func (h *systemd) edit(name string) *unitState {
	d := h.change()
	if s := d.Units[name]; s != nil {
		return s
	}
	s := h.state(name)
	d.Units[name] = &s
	return &s
}

// Running says whether the unit's program runs and is not frozen.
func (h *systemd) Running(unit string) bool {
	s := h.state(unitName(unit))
	return s.running() && !s.Frozen
}

// Why says in systemd's words why the unit does not run, "" if it does.
func (h *systemd) Why(unit string) string {
	unit = unitName(unit)
	s := h.state(unit)
	switch _, exists := h.definition(unit); {
	case s.running() && s.Frozen:
		return "active (running), stopped by SIGSTOP"
	case s.running():
		return ""
	case !exists:
		return "not found"
	case s.Result != "success":
		return fmt.Sprintf("%s (Result: %s)", phase(s), s.Result)
	}
	return fmt.Sprintf("%s (%s)", s.Active, s.Sub)
}

// phase is a state as systemctl status words it, without the result.
func phase(s unitState) string {
	if s.Active == failed {
		return failed
	}
	return s.Active + " (" + s.Sub + ")"
}

// Units returns all units that have a file or that run, by name.
func (h *systemd) Units() []Unit {
	names := map[string]bool{}
	for _, name := range h.image.unitNames {
		names[name] = true
	}
	for path := range h.d.Files {
		for _, dir := range []string{etcUnits, libUnits} {
			if name, ok := strings.CutPrefix(path, dir); ok && plainName(name) && strings.HasSuffix(name, ".service") {
				names[name] = true
			}
		}
	}
	var units []Unit
	for _, name := range sorted(names) {
		if u, ok := h.Unit(name); ok {
			units = append(units, u)
		}
	}
	return units
}

// Unit returns the unit of that name; ".service" may be left out. It is false
// if there is no such unit; then Load is not-found.
func (h *systemd) Unit(name string) (Unit, bool) {
	name = unitName(name)
	s := h.state(name)
	u := Unit{
		Name: name, Load: "not-found", Active: s.Active, Sub: s.Sub, Result: s.Result,
		PID: s.PID, Since: s.Since, Masked: s.Masked,
	}
	def, ok := h.definition(name)
	if !ok {
		// systemd knows a unit whose file was deleted until it ends.
		def, ok = h.image.units[name], s.running()
	}
	if !ok || def == nil {
		return u, false
	}
	u.Load, u.Description, u.ExecStart, u.File = "loaded", def.description, def.exec, def.file
	u.Enabled = h.enabled(def)
	if def.timer && s.running() {
		u.Sub = "waiting"
	}
	if s.Masked {
		u.Load, u.File = "masked", "/dev/null"
	}
	return u, true
}

// enabled says what systemctl is-enabled says.
func (h *systemd) enabled(def *unitDef) string {
	s := h.state(def.name)
	switch {
	case s.Masked:
		return "masked"
	case s.Enabled != "":
		return s.Enabled
	case def.static:
		return "static"
	case def.base:
		return "enabled"
	}
	return "disabled"
}

// StartUnit starts the unit as systemctl does, whose words its errors are.
func (h *systemd) StartUnit(now time.Time, name string) error {
	name = unitName(name)
	if _, ok := h.definition(name); ok && !h.state(name).running() {
		s := h.edit(name)
		s.Failures = 0
	}
	err := h.start(now, name)
	h.settle(now)
	return err
}

// StopUnit stops the unit; systemd does not start it again.
func (h *systemd) StopUnit(now time.Time, name string) error {
	name = unitName(name)
	if h.off() {
		return errOff
	}
	if _, ok := h.Unit(name); !ok {
		return fmt.Errorf("Failed to stop %s: Unit %s not loaded.", name, name)
	}
	h.stop(now, name, "was stopped")
	h.settle(now)
	return nil
}

// RestartUnit stops the unit if it runs, and starts it.
func (h *systemd) RestartUnit(now time.Time, name string) error {
	name = unitName(name)
	if h.off() {
		return errOff
	}
	if _, ok := h.definition(name); !ok {
		return fmt.Errorf("Failed to restart %s: Unit %s not found.", name, name)
	}
	if h.state(name).Masked {
		return fmt.Errorf("Failed to restart %s: Unit %s is masked.", name, name)
	}
	h.stop(now, name, "was stopped")
	return h.StartUnit(now, name)
}

// EnableUnit lets the unit start at boot.
func (h *systemd) EnableUnit(now time.Time, name string) error {
	return h.setEnabled(now, unitName(name), "enable", "enabled")
}

// DisableUnit keeps the unit from starting at boot; it goes on running.
func (h *systemd) DisableUnit(now time.Time, name string) error {
	return h.setEnabled(now, unitName(name), "disable", "disabled")
}

func (h *systemd) setEnabled(now time.Time, name, verb, value string) error {
	def, ok := h.definition(name)
	if !ok {
		return fmt.Errorf("Failed to %s unit: Unit file %s does not exist.", verb, name)
	}
	if h.state(name).Masked {
		return fmt.Errorf("Failed to %s unit: Unit file %s is masked.", verb, etcUnits+name)
	}
	if h.enabled(def) == value || def.static {
		return nil
	}
	s := h.edit(name)
	s.Enabled, s.Settings = value, now
	h.wrote("unit", name)
	if def.base && value == "enabled" {
		s.Enabled = ""
	}
	h.settle(now)
	return nil
}

// MaskUnit makes every later start of the unit fail; it goes on running.
func (h *systemd) MaskUnit(now time.Time, name string) error { return h.setMasked(now, name, true) }

// UnmaskUnit takes the mask away.
func (h *systemd) UnmaskUnit(now time.Time, name string) error { return h.setMasked(now, name, false) }

func (h *systemd) setMasked(now time.Time, name string, masked bool) error {
	name = unitName(name)
	if _, ok := h.definition(name); !ok && h.image.units[name] == nil {
		return fmt.Errorf("Unit %s does not exist.", name)
	}
	if h.state(name).Masked == masked {
		return nil
	}
	s := h.edit(name)
	s.Masked, s.Settings = masked, now
	h.wrote("unit", name)
	h.settle(now)
	return nil
}

// Hold keeps the unit from being started by anybody, or lets it go. It neither
// stops nor starts it; what is due once it is let go is in [Host.Next]. A hold
// outlives a boot and a reimage.
func (h *systemd) Hold(unit string, held bool) {
	unit = unitName(unit)
	if held == h.held(unit) {
		return
	}
	d := h.change()
	if held {
		d.Held[unit] = true
	} else {
		delete(d.Held, unit)
	}
}

func (h *systemd) held(unit string) bool { return h.d.Held[unit] }
