package output

import (
	"io"
	"os"

	"demarc/sim/policy"
	"demarc/sim/terminal"

	"golang.org/x/term"
)

// Palette colours text, or leaves it alone.
type Palette struct{ on bool }

// PaletteFor colours only a terminal, and not where NO_COLOR is set
// (no-color.org).
func PaletteFor(w io.Writer) Palette {
	return Palette{on: isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (p Palette) paint(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return terminal.Own("\x1b["+code+"m") + s + terminal.Own("\x1b[0m")
}

// Bold, Dim, Red, Green and Yellow paint a text.
func (p Palette) Bold(s string) string   { return p.paint("1", s) }
func (p Palette) Dim(s string) string    { return p.paint("2", s) }
func (p Palette) Red(s string) string    { return p.paint("31", s) }
func (p Palette) Green(s string) string  { return p.paint("32", s) }
func (p Palette) Yellow(s string) string { return p.paint("33", s) }

// Owner paints whose something is, as nearly as a terminal can in the colours of
// the report's picture.
func (p Palette) Owner(s string) string {
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

// TextWidth is how wide text may be: as a terminal is, but no wider than columns are, and
// than is read easily.
func TextWidth(w io.Writer) int {
	if !isTerminal(w) {
		return LineWidth
	}
	width, _, err := term.GetSize(int(terminal.Raw(w).(*os.File).Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return min(width, LineWidth)
}

func isTerminal(w io.Writer) bool {
	f, ok := terminal.Raw(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
