package host

import (
	"slices"
	"strings"
	"time"
)

// Bounds of the journal.
const (
	journalLines  = 500
	messageLength = 2048
)

// Log writes a line to the journal, which keeps the last 500.
func (h *systemd) Log(now time.Time, unit, ident, message string) {
	d := h.change()
	e := Entry{
		Time: now, Unit: clip(unit), Ident: clip(ident), Message: clip(message),
		PID: h.logPID(unit, ident),
	}
	if len(d.Journal) >= journalLines {
		d.Journal = append(d.Journal[:0:0], d.Journal[len(d.Journal)-journalLines+1:]...)
	}
	d.Journal = append(d.Journal, e)
}

// clip makes a text fit to be kept.
func clip(s string) string {
	if len(s) > messageLength {
		s = s[:messageLength]
	}
	return strings.ToValidUTF8(s, "?")
}

// logPID is the process that wrote a line of a unit's.
func (h *systemd) logPID(unit, ident string) int {
	if ident == "systemd" {
		return 1
	}
	return h.state(unit).PID
}

// Journal returns the lines that are kept, oldest first. The lines of units
// that started as they should at boot are made here: on most machines nobody
// reads them.
func (h *systemd) Journal() []Entry {
	if len(h.d.Journal) >= journalLines {
		return slices.Clone(h.d.Journal)
	}
	lines := append(h.bootLines(h.d.NotStarted), h.d.Journal...)
	slices.SortStableFunc(lines, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	return lines[max(0, len(lines)-journalLines):]
}

func (h *systemd) bootLines(except []string) []Entry {
	if h.booted.IsZero() || h.off() {
		return nil
	}
	var lines []Entry
	for _, name := range h.image.unitNames {
		def := h.image.units[name]
		if !def.base || slices.Contains(except, name) {
			continue
		}
		lines = append(lines, Entry{
			Time: h.booted, Unit: name, Ident: "systemd", PID: 1,
			Message: "Started " + def.description + ".",
		})
	}
	return lines
}
