package host

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// monitorScript is what both monitors run.
	monitorScript = "/usr/local/bin/health-monitor.sh"
	// cacheDir has the image's copies of the provider's files.
	cacheDir = "/opt/azure/containers/cache"
	// lookInterval is the time between two looks of a monitor.
	lookInterval = 30 * time.Second
)

var monitors = []string{ContainerdMonitor, KubeletMonitor}

// charges are the units that each monitor looks after.
var charges = map[string][]string{
	KubeletMonitor:    {Kubelet, CNS, NPD, Agent, ContainerdMonitor},
	ContainerdMonitor: {Containerd, KubeletMonitor},
}

// watch is what a monitor has in mind while something in its charge is wrong.
type watch struct {
	Look    time.Time            `json:"look,omitzero"`     // the next
	Noticed map[string]time.Time `json:"noticed,omitempty"` // by key of what is wrong
	Told    map[string]bool      `json:"told,omitempty"`    // what it leaves alone, and said so
}

// The steps of putting things right, in their order.
const (
	fixFile = iota
	fixMask
	fixEnabled
	fixStart
)

// wrong is one thing that is not as the provider wants it.
type wrong struct {
	fix   int
	unit  string
	path  string // of a file
	since time.Time
	says  string // "kubelet.service was stopped"
	left  string // why a monitor cannot help; "" if it can
}

func (w wrong) key() string { return fmt.Sprint(w.fix, " ", w.unit, " ", w.path) }

// plan sets the monitors' next looks: on the next half minute if something in
// their charge is wrong that they can put right, else never.
func (h *Host) plan(now time.Time) {
	for _, monitor := range monitors {
		w := h.d.Monitors[monitor]
		if !h.due(monitor, w) {
			if w != nil {
				w.Look = time.Time{}
			}
			continue
		}
		if w == nil {
			w = &watch{}
			h.d.Monitors[monitor] = w
		}
		if w.Look.IsZero() {
			w.Look = now.Truncate(lookInterval).Add(lookInterval)
		}
	}
}

// due says whether the monitor has to look again. A thing that it must leave
// alone is worth one look, to say so.
func (h *Host) due(monitor string, w *watch) bool {
	if !h.watching(monitor) {
		return false
	}
	return slices.ContainsFunc(h.wrongs(monitor), func(x wrong) bool {
		return x.left == "" || w == nil || !w.Told[x.key()]
	})
}

// watching says whether the monitor works.
func (h *Host) watching(monitor string) bool {
	return h.Running(monitor) && h.present("/usr/bin/bash")
}

// look is one look of a monitor, if it is due: what is wrong is noticed, and
// what was noticed at an earlier look is put right.
func (h *Host) look(now time.Time, monitor string) (did []Action) {
	w := h.d.Monitors[monitor]
	if w == nil || w.Look.IsZero() || w.Look.After(now) || !h.watching(monitor) {
		return nil
	}
	w.Look = time.Time{}
	found := h.wrongs(monitor)
	slices.SortStableFunc(found, func(a, b wrong) int { return a.fix - b.fix })
	before := w.Noticed
	w.Noticed = map[string]time.Time{}
	told := w.Told
	w.Told = map[string]bool{}
	for _, x := range found {
		key := x.key()
		if x.left != "" {
			if w.Told[key] = true; !told[key] {
				h.Log(now, monitor, "health-monitor.sh", x.left)
			}
			continue
		}
		noticed, seen := before[key]
		if !seen {
			w.Noticed[key] = now
			h.Log(now, monitor, "health-monitor.sh", x.says+"; it is put right if that lasts")
			continue
		}
		if a, ok := h.putRight(now, monitor, x); ok {
			a.Noticed = noticed
			did = append(did, a)
			continue
		}
		w.Noticed[key] = noticed
	}
	return did
}

// putRight restores one thing. It is false if that did not work.
func (h *Host) putRight(now time.Time, monitor string, x wrong) (Action, bool) {
	by := strings.TrimSuffix(monitor, ".service")
	a := Action{Unit: x.unit, Kind: Restored, Broken: x.since}
	switch x.fix {
	case fixFile:
		if h.restore(now, x.path) != nil {
			return a, false
		}
		a.Detail = fmt.Sprintf("%s restored %s %s after it was changed or deleted", by, x.path, span(x.since, now))
	case fixMask:
		s := h.edit(x.unit)
		s.Masked, s.Settings = false, now
		a.Detail = fmt.Sprintf("%s unmasked %s %s after it was masked", by, x.unit, span(x.since, now))
	case fixEnabled:
		s := h.edit(x.unit)
		s.Enabled, s.Settings = "", now
		a.Detail = fmt.Sprintf("%s enabled %s %s after it was disabled", by, x.unit, span(x.since, now))
	case fixStart:
		was := h.state(x.unit)
		if h.held(x.unit) {
			return a, false
		}
		if was.running() {
			h.stop(now, x.unit, was.Died) // it is frozen
			s := h.edit(x.unit)
			s.Broken = was.Broken
		}
		// One try: the next is the monitor's again, at its next look.
		h.edit(x.unit).Failures = startLimit - 1
		if h.start(now, x.unit) != nil {
			return a, false
		}
		a.Kind = Started
		a.Detail = fmt.Sprintf("%s started %s %s after it %s", by, x.unit, span(x.since, now), ended(was))
	}
	h.Log(now, monitor, "health-monitor.sh", a.Detail)
	return a, true
}

// ended words how a unit came to be down.
func ended(s unitState) string {
	if s.Died == "" {
		return "was down"
	}
	return s.Died
}

// wrongs returns what in a monitor's charge is wrong.
func (h *Host) wrongs(monitor string) (found []wrong) {
	for _, path := range h.image.charge[monitor] {
		if p, ok := h.Package(h.image.files[path].pkg); ok && !p.Installed {
			continue
		}
		if since, ok := h.altered(path); ok {
			x := wrong{fix: fixFile, unit: h.image.files[path].unit, path: path, since: since, says: path + " is not as the image has it"}
			if !h.present(cacheDir) {
				x.left = path + " is not as the image has it, and " + cacheDir + " is gone; left to node auto-repair"
			}
			found = append(found, x)
		}
	}
	for _, unit := range charges[monitor] {
		found = append(found, h.wrongsOf(unit)...)
	}
	return found
}

// wrongsOf returns what is wrong with a unit that should run.
func (h *Host) wrongsOf(unit string) (found []wrong) {
	if h.d.Units[unit] == nil {
		return nil
	}
	def, s := h.image.units[unit], h.state(unit)
	if p, ok := h.Package(def.pkg); ok && !p.Installed {
		return []wrong{{fix: fixStart, unit: unit, left: "package " + def.pkg + " is not installed; left to node auto-repair"}}
	}
	if s.Masked {
		found = append(found, wrong{fix: fixMask, unit: unit, since: s.Settings, says: unit + " is masked"})
	}
	if s.Enabled == "disabled" {
		found = append(found, wrong{fix: fixEnabled, unit: unit, since: s.Settings, says: unit + " is disabled"})
	}
	waits := !s.Restart.IsZero() && !h.held(unit)
	if s.running() && !s.Frozen || waits {
		return found
	}
	x := wrong{fix: fixStart, unit: unit, since: s.Broken, says: unit + " " + ended(s)}
	for _, file := range []string{def.file, def.program()} {
		if f := h.image.files[file]; f != nil && f.pkg != "" && !h.present(file) {
			x.left = file + " is missing and belongs to package " + f.pkg + "; left to node auto-repair"
		}
	}
	return append(found, x)
}
