package output

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

// Narrator tells the story of a drill as it happens: the narrative of its file,
// its steps, and the events of the timeline, in the order of virtual time. The
// engine sends, each time, first the new events and then the new steps; so the
// lines of such a batch are put in order before they are written.
type Narrator struct {
	out      io.Writer
	progress *Progress
	style    Palette

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

// NewNarrator begins with the start of the cluster.
func NewNarrator(out, progress io.Writer) *Narrator {
	n := &Narrator{out: out, progress: NewProgress(progress), style: PaletteFor(out), start: time.NewTicker(100 * time.Millisecond)}
	n.timer = time.AfterFunc(narrateDelay, n.flush)
	go n.starting()
	return n
}

// Open writes what the scenario is about.
func (n *Narrator) Open(title, about string) {
	fmt.Fprintf(n.out, "%s\n", n.style.Bold(title))
	if about != "" {
		fmt.Fprintf(n.out, "%s\n", about)
	}
	fmt.Fprintln(n.out)
}

// starting shows that the cluster is being brought up.
func (n *Narrator) starting() {
	for range n.start.C {
		n.mu.Lock()
		if n.zero.IsZero() {
			n.progress.Show("bringing up the cluster")
		}
		n.mu.Unlock()
	}
}

// Ready is told when time 0 is. What was before is not part of the story.
func (n *Narrator) Ready(at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.start.Stop()
	n.progress.End()
	n.zero, n.batch = at, nil
}

// Event is told what happened.
func (n *Narrator) Event(e timeline.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.zero.IsZero() {
		return
	}
	if n.stepIn {
		n.flushLocked()
	}
	n.add(e.Time.Sub(n.zero), n.style.Dim(terminal.Line("    "+e.String())))
}

// Step is told what the script did.
func (n *Narrator) Step(s api.Step) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stepIn = true
	n.add(time.Duration(s.At), n.stepText(s))
}

func (n *Narrator) stepText(s api.Step) string {
	switch s.Kind {
	case "narrative":
		return "\n" + n.style.Bold("# "+strings.ReplaceAll(s.Text, "\n", "\n#             "))
	case "held":
		return n.style.Green("held") + "    " + s.Text
	case "failed":
		return n.style.Red("FAILED") + "  " + s.Text
	case "waiting":
		return n.style.Yellow("watch") + "   " + s.Text
	}
	return "do      " + s.Text
}

// add puts a line into the batch; the caller holds mu.
func (n *Narrator) add(at time.Duration, text string) {
	n.batch = append(n.batch, line{at: at, text: text})
	n.timer.Reset(narrateDelay)
}

func (n *Narrator) flush() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flushLocked()
}

func (n *Narrator) flushLocked() {
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

// Close writes the rest.
func (n *Narrator) Close() {
	n.start.Stop()
	n.timer.Stop()
	n.flush()
	n.progress.End()
	fmt.Fprintln(n.out)
}
