package output

import (
	"fmt"
	"io"
	"time"

	"demarc/sim/terminal"
)

// Progress shows what a command waits for: on a terminal in one line that is
// written over, elsewhere in a line for each step.
type Progress struct {
	w     io.Writer
	began time.Time
	last  string
	open  bool // a line on the terminal is not finished
}

// NewProgress begins to count the time.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w, began: time.Now()} }

// eraseLine begins the line on the terminal anew.
var eraseLine = terminal.Own("\r\x1b[K")

// Show says what is going on now.
func (p *Progress) Show(what string) {
	if isTerminal(p.w) {
		p.open = true
		fmt.Fprintf(p.w, "%s%s … %.1fs", eraseLine, terminal.Line(what), time.Since(p.began).Seconds())
		return
	}
	if what != p.last {
		terminal.Fprintf(p.w, "%s …\n", what)
	}
	p.last = what
}

// Hint says on a terminal what is going on, until End; elsewhere there is nobody to tell.
func (p *Progress) Hint(what string) {
	if isTerminal(p.w) {
		p.Show(what)
	}
}

// End clears the line.
func (p *Progress) End() {
	if p.open {
		fmt.Fprint(p.w, eraseLine)
	}
	p.open = false
}
