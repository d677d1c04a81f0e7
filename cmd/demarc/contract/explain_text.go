package contract

import (
	"fmt"
	"io"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
)

// printExplanation writes the four lines, and the chain of causes as a tree below them.
// Nothing is cut: what does not fit goes on below.
func printExplanation(w io.Writer, x api.Explanation) error {
	p := output.PaletteFor(w)
	var b strings.Builder
	output.Hang(&b, p.Bold, "", x.Title)
	b.WriteString("\n")
	output.Hang(&b, p.Bold, "Whose    ", x.Whose)
	output.Hang(&b, p.Bold, "Why      ", x.Why)
	output.Hang(&b, p.Bold, "Mends    ", x.Mends)
	label := "Clause   "
	for _, clause := range x.Clause {
		output.Hang(&b, p.Bold, label, clause)
		label = strings.Repeat(" ", len(label))
	}
	if len(x.Chain) > 0 {
		b.WriteString("\n")
	}
	for i, l := range x.Chain {
		what := fmt.Sprintf("%s %s %s %s", output.DateTime(l.Time), l.Actor, l.Verb, l.Subject)
		if l.Message != "" {
			what += ": " + l.Message
		}
		style := plain
		if l.Judged {
			style, what = p.Bold, what+" (this one)"
		}
		output.Hang(&b, style, branch(x.Chain, i)+output.EventNumber(l.Seq)+"  ", what)
	}
	if x.More > 0 {
		fmt.Fprintf(&b, "and %s more; demarc timeline has them\n", output.Count(x.More, "event"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plain(s string) string { return s }

// branch draws the branches of a tree before one of its links.
func branch(chain []api.Link, i int) string {
	var b strings.Builder
	for depth := 1; depth <= chain[i].Depth; depth++ {
		goesOn := continues(chain[i+1:], depth)
		switch own := depth == chain[i].Depth; {
		case own && goesOn:
			b.WriteString("├─ ")
		case own:
			b.WriteString("└─ ")
		case goesOn:
			b.WriteString("│  ")
		default:
			b.WriteString("   ")
		}
	}
	return b.String()
}

// continues says whether another link of a depth follows below the same cause.
func continues(rest []api.Link, depth int) bool {
	for _, l := range rest {
		if l.Depth <= depth {
			return l.Depth == depth
		}
	}
	return false
}
