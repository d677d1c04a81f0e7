package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"demarc/sim/terminal"
)

// table is aligned text with colours, which do not count as width.
type table struct {
	rows [][]string
	// paint colours a cell of a column; columns without stay as they are.
	paint map[int]func(string) string
	// indent is before each row.
	indent string
}

// columnGap is between columns.
const columnGap = 2

// minColumn is the least width to which the last column is wrapped.
const minColumn = 30

// row adds a row.
func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = terminal.Line(cell)
	}
	t.rows = append(t.rows, cells)
}

// rowOfLines adds a row of which the last cell has several lines.
func (t *table) rowOfLines(cells ...string) { t.rows = append(t.rows, cells) }

// write writes the rows. The last column is wrapped to a width; 0 leaves it as it is.
func (t *table) write(w io.Writer, width int) error {
	var b strings.Builder
	widths := t.widths()
	for _, row := range t.rows {
		last := len(row) - 1
		b.WriteString(t.indent)
		column := len(t.indent)
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

func (t *table) painted(column int, cell string) string {
	if f := t.paint[column]; f != nil {
		return f(cell)
	}
	return cell
}

// widths are those of all columns but the last of each row.
func (t *table) widths() []int {
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

// wrap breaks each line of a text between words, so that no line is wider than
// that, unless a word is; 0 breaks nothing.
func wrap(text string, width int) string {
	var lines []string
	for _, paragraph := range strings.Split(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			switch {
			case line == "":
				line = word
			case width > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
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

// printParagraph writes one paragraph, wrapped on a terminal.
func (a *app) printParagraph(text string) error {
	_, err := fmt.Fprintln(a.out, wrap(strings.Join(strings.Fields(text), " "), textWidth(a.out)))
	return err
}
