package output

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"demarc/sim/terminal"
)

// Table is aligned text with colours, which do not count as width.
type Table struct {
	// Paint colours a cell of a column; columns without stay as they are.
	Paint map[int]func(string) string
	// Indent is before each row.
	Indent string

	rows [][]string
}

// columnGap is between columns.
const columnGap = 2

// minColumn is the least width to which the last column is wrapped.
const minColumn = 30

// Heads adds a row of heads that are separated by tabs.
func (t *Table) Heads(heads string) { t.RowOfLines(strings.Split(heads, "\t")...) }

// Row adds a row, in which each cell keeps to its place.
func (t *Table) Row(cells ...any) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = terminal.Line(fmt.Sprint(cell))
	}
	t.rows = append(t.rows, row)
}

// RowOfLines adds a row of which the last cell has several lines.
func (t *Table) RowOfLines(cells ...string) { t.rows = append(t.rows, cells) }

// Columns is the text of a list: heads that are separated by tabs, with the cells of each
// item below them.
func Columns[T any](heads string, cells func(T) []any) func(io.Writer, []T) error {
	return func(w io.Writer, list []T) error {
		var t Table
		t.Heads(heads)
		for _, x := range list {
			t.Row(cells(x)...)
		}
		return t.Fit(w)
	}
}

// LineWidth is how wide columns are at most.
const LineWidth = 100

// Cells that are cut keep this much, if they are as long as that.
const (
	leastCell = 16
	leastLast = 24
)

// Fit writes the rows so that they fit [LineWidth]: what is long is cut, first in the last
// column, then in those of names and sentences: see rank. IDs and times stay, and what is cut is whole
// in JSON.
func (t *Table) Fit(w io.Writer) error {
	widths, last := t.widths(), 0
	for _, row := range t.rows {
		if len(row) > 1 { // one cell alone has the whole line
			last = max(last, utf8.RuneCountInString(row[len(row)-1]))
		}
	}
	over := len(t.Indent) + last - LineWidth
	for _, n := range widths {
		over += n + columnGap
	}
	var ranks []int
	for i := range widths {
		ranks = append(ranks, t.rank(i))
	}
	for over -= max(last-leastLast, 0); over > 0; over-- {
		widest := -1
		for i, n := range widths {
			if n > leastCell && ranks[i] > 0 && (widest < 0 || cmp.Or(ranks[i]-ranks[widest], n-widths[widest]) > 0) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	for _, row := range t.rows {
		end := len(row) - 1
		room := LineWidth - len(t.Indent)
		for i := range row[:end] {
			row[i] = Middle(row[i], widths[i])
			room -= widths[i] + columnGap
		}
		row[end] = Cut(row[end], max(room, minColumn/2))
	}
	return t.Write(w, 0)
}

// rank says how soon a column is cut: first names of nodes, of which the end is enough, then
// names of other objects and sentences, and never anything else.
func (t *Table) rank(column int) (rank int) {
	for _, row := range t.rows {
		if column >= len(row)-1 {
			continue
		}
		_, err := time.Parse(time.DateTime, row[column])
		switch {
		case strings.Contains(row[column], "-vmss"):
			return 2
		case err != nil && strings.ContainsAny(row[column], " /,"):
			rank = 1
		}
	}
	return rank
}

// Cut is a text of which what does not fit is cut off.
func Cut(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return strings.TrimRight(string(r[:max(width-1, 0)]), " ") + "…"
	}
	return s
}

// Middle is a name of which what does not fit is cut out in the middle: the ends of names
// tell them apart.
func Middle(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	head := (width - 1) / 3
	return string(r[:head]) + "…" + string(r[len(r)-(width-1-head):])
}

// Write writes the rows. The last column is wrapped to a width; 0 leaves it as it is.
func (t *Table) Write(w io.Writer, width int) error {
	var b strings.Builder
	widths := t.widths()
	for _, row := range t.rows {
		last := len(row) - 1
		b.WriteString(t.Indent)
		column := len(t.Indent)
		for i, cell := range row[:last] {
			b.WriteString(t.painted(i, cell) + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+columnGap))
			column += widths[i] + columnGap
		}
		room := 0
		if width > 0 {
			room = max(width-column, minColumn)
		}
		for n, line := range strings.Split(wrap(row[last], room), "\n") {
			if n > 0 {
				b.WriteString(strings.Repeat(" ", column))
			}
			b.WriteString(t.painted(last, line) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) painted(column int, cell string) string {
	if f := t.Paint[column]; f != nil {
		return f(cell)
	}
	return cell
}

// widths are those of all columns but the last of each row.
func (t *Table) widths() []int {
	var list []int
	for _, row := range t.rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(list) {
				list = append(list, 0)
			}
			list[i] = max(list[i], utf8.RuneCountInString(cell))
		}
	}
	return list
}

// Hang writes a text behind a label, which style paints; what does not fit [LineWidth] goes
// on below its beginning. It is one paragraph, whatever it has in it.
func Hang(w io.Writer, style func(string) string, label, text string) {
	indent := utf8.RuneCountInString(label)
	text = wrap(terminal.Line(text), max(LineWidth-indent, minColumn))
	fmt.Fprintf(w, "%s%s\n", style(label), strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", indent)))
}

// wrap breaks each line of a text between words, so that no line is wider than
// that, unless a word is; 0 leaves it as it is.
func wrap(text string, width int) string {
	if width == 0 {
		return text
	}
	var lines []string
	for _, paragraph := range strings.Split(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			switch {
			case line == "":
				line = word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
				lines = append(lines, line)
				line = word
			default:
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// Fold breaks the lines of a text that are wider than [LineWidth]; what is broken off is
// indented.
func Fold(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))] + "  "
		for utf8.RuneCountInString(line) > LineWidth+1 { // with its end
			at := strings.LastIndexAny(line[:LineWidth], " |")
			if at < len(indent) {
				break
			}
			b.WriteString(strings.TrimRight(line[:at+1], " ") + "\n")
			line = indent + line[at+1:]
		}
		b.WriteString(line)
	}
	return b.String()
}
