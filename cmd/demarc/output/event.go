package output

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"demarc/sim/fault"
	"demarc/sim/terminal"
	"demarc/sim/timeline"
)

// Event writes an event of the timeline in one line: JSON, or its number, the virtual time,
// the actor and what happened, cut to a line.
func (p *Printer) Event(x timeline.Event) error {
	if p.JSON() {
		b, err := p.marshal(x)
		if err != nil {
			return err
		}
		_, err = terminal.Fprintf(p.Out, "%s\n", b)
		return err
	}
	head := fmt.Sprintf("%6s  %s  %-10s  ", EventNumber(x.Seq), DateTime(x.Time), terminal.Line(string(x.Actor)))
	what := terminal.Line(fmt.Sprintf("%s %s", x.Verb, x.Subject))
	message := x.Message
	if x.Asker != "" {
		message = strings.TrimSpace(message + " (asked for by the " + x.Asker + ")")
	}
	what, message = split(what, terminal.Line(message), LineWidth-utf8.RuneCountInString(head))
	if message != "" {
		message = "  " + PaletteFor(p.Out).Dim(message)
	}
	_, err := fmt.Fprintf(p.Out, "%s%s%s\n", head, what, message)
	return err
}

// leastWhat is how much of what happened stays before what is said of it is cut.
const leastWhat = 36

// split cuts what happened, and what is said of it, to a width.
func split(what, message string, width int) (string, string) {
	if message == "" {
		return Middle(what, width), ""
	}
	room := width - columnGap - utf8.RuneCountInString(message)
	what = Middle(what, max(room, leastWhat))
	return what, Cut(message, width-columnGap-utf8.RuneCountInString(what))
}

// EventNumber is the number of an event as people read it, and as demarc explain takes it.
func EventNumber(seq int64) string {
	if seq == 0 {
		return "-"
	}
	return fmt.Sprintf("#%d", seq)
}

// Faults is the text of faults that are in force.
var Faults = Columns("FAULT\tWHAT\tBY", func(f fault.Active) []any { return []any{f.ID, f.Spec.String(), f.By} })
