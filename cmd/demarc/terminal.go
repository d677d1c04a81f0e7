package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"demarc/sim/policy"
	"demarc/sim/terminal"

	"golang.org/x/term"
)

// palette colours text, or leaves it alone.
type palette struct{ on bool }

// paletteFor colours only a terminal, and not where NO_COLOR is set
// (no-color.org).
func paletteFor(w io.Writer) palette {
	return palette{on: isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (p palette) paint(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return terminal.Own("\x1b["+code+"m") + s + terminal.Own("\x1b[0m")
}

func (p palette) bold(s string) string   { return p.paint("1", s) }
func (p palette) dim(s string) string    { return p.paint("2", s) }
func (p palette) red(s string) string    { return p.paint("31", s) }
func (p palette) green(s string) string  { return p.paint("32", s) }
func (p palette) yellow(s string) string { return p.paint("33", s) }

// owner paints whose something is, as nearly as a terminal can in the colours of
// the report's picture.
func (p palette) owner(s string) string {
	switch s {
	case policy.Provider:
		return p.paint("34", s)
	case policy.Customer:
		return p.paint("33", s)
	case policy.Shared, policy.Upstream:
		return p.paint("2", s)
	}
	return s
}

// maxText is the width beyond which lines of text are hard to read.
const maxText = 110

// textWidth is how wide text may be on a terminal; elsewhere it is 0, for any.
func textWidth(w io.Writer) int {
	if !isTerminal(w) {
		return 0
	}
	width, _, err := term.GetSize(int(terminal.Raw(w).(*os.File).Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return min(width, maxText)
}

func isTerminal(w io.Writer) bool {
	f, ok := terminal.Raw(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// phases shows what a start is busy with: on a terminal in one line that is
// written over, elsewhere in a line for each phase.
type phases struct {
	w     io.Writer
	began time.Time
	last  string
	open  bool // a line on the terminal is not finished
}

func newPhases(w io.Writer) *phases { return &phases{w: w, began: time.Now()} }

// eraseLine begins the line on the terminal anew.
var eraseLine = terminal.Own("\r\x1b[K")

// show says what is going on now.
func (p *phases) show(what string) {
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

// end clears the line.
func (p *phases) end() {
	if p.open {
		fmt.Fprint(p.w, eraseLine)
	}
	p.open = false
}
