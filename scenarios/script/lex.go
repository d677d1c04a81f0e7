package script

import "strings"

// word is one word of a line.
type word struct {
	text string
	col  int // column of the first character, from 1
	// quotedAt is the index in text at which the first quoted part begins, or -1.
	quotedAt int
}

// at is the column of text[i]. Quotes that were doubled are not accounted for.
func (w word) at(i int) int {
	if w.quotedAt >= 0 && i >= w.quotedAt {
		return w.col + i + 1
	}
	return w.col + i
}

// split cuts a word at its first unquoted equals sign.
func (w word) split() (name, value string, ok bool) {
	i := strings.IndexByte(w.text, '=')
	if i <= 0 || w.quotedAt >= 0 && i >= w.quotedAt {
		return "", "", false
	}
	return w.text[:i], w.text[i+1:], true
}

// lexLine cuts a line into words. Words are separated by blanks; a part in
// single or double quotes may hold blanks, and a doubled quote in it stands
// for itself. open is the column of a quote that is not closed, or 0.
func lexLine(line string) (words []word, open int) {
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' {
			i++
			continue
		}
		w := word{col: i + 1, quotedAt: -1}
		var text strings.Builder
		for i < len(line) && line[i] != ' ' && line[i] != '\t' {
			q := line[i]
			if q != '\'' && q != '"' {
				text.WriteByte(q)
				i++
				continue
			}
			if w.quotedAt < 0 {
				w.quotedAt = text.Len()
			}
			part, n := quoted(line[i:])
			if n == 0 {
				return words, i + 1
			}
			text.WriteString(part)
			i += n
		}
		w.text = text.String()
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
