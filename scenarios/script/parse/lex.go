package parse

import (
	"strings"

	"demarc/scenarios/script"
)

// lexLine cuts a line into words. Words are separated by blanks; a part in
// single or double quotes may hold blanks, and a doubled quote in it stands
// for itself. open is the column of a quote that is not closed, or 0.
func lexLine(line string) (words []script.Word, open int) {
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' {
			i++
			continue
		}
		w := script.Word{Col: i + 1, QuotedAt: -1}
		var text strings.Builder
		for i < len(line) && line[i] != ' ' && line[i] != '\t' {
			q := line[i]
			if q != '\'' && q != '"' {
				text.WriteByte(q)
				i++
				continue
			}
			if w.QuotedAt < 0 {
				w.QuotedAt = text.Len()
			}
			part, n := quoted(line[i:])
			if n == 0 {
				return words, i + 1
			}
			text.WriteString(part)
			i += n
		}
		w.Text = text.String()
		words = append(words, w)
	}
	return words, 0
}

// quoted reads a quoted part and returns its text and its length with quotes,
// or 0 if it does not end.
func quoted(s string) (string, int) {
	q := s[0]
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != q {
			text.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == q {
			text.WriteByte(q)
			i++
			continue
		}
		return text.String(), i + 1
	}
	return "", 0
}
