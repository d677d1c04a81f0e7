package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"demarc/sim/terminal"
	"demarc/sim/timeline"
)

// eventWriter writes events of the timeline, one line each: JSON, or the time,
// the actor and what happened.
type eventWriter struct {
	w     io.Writer
	json  bool
	style palette
	// clock writes the virtual time of an event.
	clock func(time.Time) string
}

// dateTime is the clock of a live cluster.
func dateTime(t time.Time) string { return t.UTC().Format(time.DateTime) }

// sinceReady is the clock of a drill: T+00:10:00 is ten minutes after the
// cluster was ready.
func sinceReady(d time.Duration) string {
	d = d.Truncate(time.Second)
	return fmt.Sprintf("T+%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

func (e eventWriter) write(x timeline.Event) error {
	if e.json {
		b, err := json.Marshal(x)
		if err != nil {
			return err
		}
		_, err = terminal.Fprintf(e.w, "%s\n", b)
		return err
	}
	message := x.Message
	if x.Asker != "" {
		message = strings.TrimSpace(message + " (asked for by the " + x.Asker + ")")
	}
	if message != "" {
		message = e.style.dim("  " + message)
	}
	_, err := terminal.Fprintf(e.w, "%s  %-10s  %s %s%s\n", e.clock(x.Time), x.Actor, x.Verb, x.Subject, message)
	return err
}
