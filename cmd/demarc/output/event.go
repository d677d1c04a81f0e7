package output

import (
	"encoding/json"
	"strings"

	"demarc/sim/fault"
	"demarc/sim/terminal"
	"demarc/sim/timeline"
)

// Event writes an event of the timeline in one line: JSON, or the virtual time, the actor
// and what happened.
func (p *Printer) Event(x timeline.Event) error {
	if p.JSON() {
		b, err := json.Marshal(x)
		if err != nil {
			return err
		}
		_, err = terminal.Fprintf(p.Out, "%s\n", b)
		return err
	}
	message := x.Message
	if x.Asker != "" {
		message = strings.TrimSpace(message + " (asked for by the " + x.Asker + ")")
	}
	if message != "" {
		message = PaletteFor(p.Out).Dim("  " + message)
	}
	_, err := terminal.Fprintf(p.Out, "%s  %-10s  %s %s%s\n", DateTime(x.Time), x.Actor, x.Verb, x.Subject, message)
	return err
}

// Faults is the text of faults that are in force.
var Faults = Columns("FAULT\tWHAT\tBY", func(f fault.Active) []any { return []any{f.ID, f.Spec.String(), f.By} })
