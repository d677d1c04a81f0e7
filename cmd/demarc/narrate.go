package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/api"
	"demarc/sim/terminal"
	"demarc/sim/timeline"
)

// narrateDelay is how long a line waits for others that belong before it.
const narrateDelay = 50 * time.Millisecond

// narrator tells the story of a drill as it happens: the narrative of its file,
// its steps, and the events of the timeline, in the order of virtual time. The
// engine sends, each time, first the new events and then the new steps; so the
// lines of such a batch are put in order before they are written.
type narrator struct {
	out    io.Writer
	phases *phases
	style  palette

	mu     sync.Mutex
	zero   time.Time // virtual time 0 of the script; zero until it is known
	batch  []line
	stepIn bool // the batch has a step: the next event begins another one
	timer  *time.Timer
	start  *time.Ticker
}

// line is a line of the story.
type line struct {
	at   time.Duration
	text string
}

func newNarrator(out, progress io.Writer) *narrator {
	n := &narrator{out: out, phases: newPhases(progress), style: paletteFor(out), start: time.NewTicker(100 * time.Millisecond)}
	n.timer = time.AfterFunc(narrateDelay, n.flush)
	go n.starting()
	return n
}

// open writes what the scenario is about.
func (n *narrator) open(title, about string) {
	fmt.Fprintf(n.out, "%s\n", n.style.bold(title))
	if about != "" {
		fmt.Fprintf(n.out, "%s\n", about)
	}
	fmt.Fprintln(n.out)
}

// starting shows that the cluster is being brought up.
func (n *narrator) starting() {
	for range n.start.C {
		n.mu.Lock()
		if n.zero.IsZero() {
			n.phases.show("bringing up the cluster")
		}
		n.mu.Unlock()
	}
}

// ready is told when time 0 is. What was before is not part of the story.
func (n *narrator) ready(at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.start.Stop()
	n.phases.end()
	n.zero, n.batch = at, nil
}

func (n *narrator) event(e timeline.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.zero.IsZero() {
		return
	}
	if n.stepIn {
		n.flushLocked()
	}
	n.add(e.Time.Sub(n.zero), n.style.dim(terminal.Line("    "+e.String())))
}

func (n *narrator) step(s api.Step) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stepIn = true
	n.add(time.Duration(s.At), n.stepText(s))
}

func (n *narrator) stepText(s api.Step) string {
	switch s.Kind {
	case "narrative":
		return "\n" + n.style.bold("# "+strings.ReplaceAll(s.Text, "\n", "\n#             "))
	case "held":
		return n.style.green("held") + "    " + s.Text
	case "failed":
		return n.style.red("FAILED") + "  " + s.Text
	case "waiting":
		return n.style.yellow("watch") + "   " + s.Text
	}
	return "do      " + s.Text
}

// add puts a line into the batch; the caller holds mu.
func (n *narrator) add(at time.Duration, text string) {
	n.batch = append(n.batch, line{at: at, text: text})
	n.timer.Reset(narrateDelay)
}

func (n *narrator) flush() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flushLocked()
}

func (n *narrator) flushLocked() {
	slices.SortStableFunc(n.batch, func(a, b line) int { return int(a.at - b.at) })
	for _, l := range n.batch {
		if said, ok := strings.CutPrefix(l.text, "\n"); ok {
			fmt.Fprintf(n.out, "\n%s  %s\n", sinceReady(l.at), said)
			continue
		}
		fmt.Fprintf(n.out, "%s  %s\n", sinceReady(l.at), l.text)
	}
	n.batch, n.stepIn = nil, false
}

// close writes the rest.
func (n *narrator) close() {
	n.start.Stop()
	n.timer.Stop()
	n.flush()
	n.phases.end()
	fmt.Fprintln(n.out)
}
