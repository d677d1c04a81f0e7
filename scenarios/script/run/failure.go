package run

import (
	"fmt"
	"strings"
	"time"

	"demarc/scenarios/script"
)

// shownEvents is how many events of the timeline a failure shows.
const shownEvents = 20

// explain writes the whole explanation of a failed step: what was expected,
// what is there, what happened since the last action, and how to see it again.
func (r *run) explain(s script.Step, seen string) string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "%s:%d: %s\n", r.script.File, s.Line, s.Text)
	if s.Act != nil {
		fmt.Fprintf(&sb, "  at %s: %s\n", script.Short(time.Since(r.ready).Truncate(time.Millisecond)), indent(seen))
	} else {
		r.explainWanted(&sb, s)
		fmt.Fprintf(&sb, "  seen at %s: %s\n", script.Short(time.Since(r.ready).Truncate(time.Millisecond)), indent(seen))
	}
	r.explainTimeline(&sb)
	fmt.Fprintf(&sb, "  again: demarc drill %s", r.script.File)
	return sb.String()
}

// explainWanted writes what was expected.
func (r *run) explainWanted(sb *strings.Builder, s script.Step) {
	x := s.Expect
	if x.Command != nil {
		return // the line says it
	}
	if x.Check != "" {
		if strings.Contains(x.Check, "\n") || !strings.Contains(s.Text, x.Check) {
			fmt.Fprintf(sb, "  expected: %s\n", indent(x.Check))
		}
		return
	}
	word := "expected"
	if x.Absent {
		word = "expected to be absent"
	}
	for _, d := range x.Section.Docs {
		w := newWanted(d, r.world.NodeName)
		fmt.Fprintf(sb, "  %s: %s %s\n", word, w.subject(), objectWanted(w))
	}
}

// objectWanted writes what is wanted of an object beside its name.
func objectWanted(w wanted) string {
	rest := map[string]any{}
	for key, v := range w.object {
		if key != "metadata" {
			rest[key] = v
		}
	}
	if len(rest) == 0 {
		return ""
	}
	return "with " + script.Compact(rest)
}

// explainTimeline writes what happened since the last action.
func (r *run) explainTimeline(sb *strings.Builder) {
	events, _ := r.world.Timeline().Since(r.lastAct)
	if len(events) == 0 {
		return
	}
	sb.WriteString("  timeline since the last action:\n")
	if n := len(events) - shownEvents; n > 0 {
		fmt.Fprintf(sb, "    … %d earlier events\n", n)
		events = events[n:]
	}
	for _, e := range events {
		line := fmt.Sprintf("%s  %s %s", e.Subject, e.Verb, e.Message)
		fmt.Fprintf(sb, "    %9s  %-10s %s\n", script.Short(e.Time.Sub(r.ready).Truncate(time.Millisecond)), e.Actor, strings.TrimSpace(line))
	}
}

func indent(s string) string { return strings.ReplaceAll(s, "\n", "\n    ") }
