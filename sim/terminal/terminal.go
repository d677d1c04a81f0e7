// Package terminal writes text to people, some of which others have written:
// customers name tags, open cases and type commands, webhooks refuse things in
// words of their own. None of that may clear a screen, ring a bell, change a
// title, or look like a line that it is not.
//
// [Writer] is the one way out: it shows every control character as an escape
// such as \u001b, but for those that [Own] marks. [Fprintf] and [Line] keep a value in
// the cell and on the line in which it stands.
package terminal

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mark is before each control character that is the program's own. It is of this
// process only, so that nobody else can write it.
var mark = "\x00" + rand.Text()

// Own is a sequence of the program's own, such as a colour: its control
// characters pass a [Writer].
func Own(sequence string) string {
	var b strings.Builder
	for _, r := range sequence {
		if control(r) {
			b.WriteString(mark)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Writer writes text to a terminal or a file. What is no text is shown escaped, in
// a form that is also right within a string of JSON. Text may be written in parts,
// but no character may be.
type Writer struct{ io.Writer }

// Write writes all of p or returns an error.
func (w Writer) Write(p []byte) (int, error) {
	if _, err := w.Writer.Write(harmless(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Raw is what a writer writes to: for what must pass as it is, such as a session
// on a node.
func Raw(w io.Writer) io.Writer {
	if own, ok := w.(Writer); ok {
		return own.Writer
	}
	return w
}

// harmless shows what is no text, and takes out the marks.
func harmless(p []byte) []byte {
	var b bytes.Buffer
	for len(p) > 0 {
		own := bytes.HasPrefix(p, []byte(mark))
		if own {
			p = p[len(mark):]
		}
		r, size := utf8.DecodeRune(p)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, p[0])
		case !own && control(r) && r != '\n' && r != '\t':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.Write(p[:size])
		}
		p = p[size:]
	}
	return b.Bytes()
}

// control says whether a terminal takes a character for more than text: control
// characters, line separators, and what turns the direction of reading.
func control(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// Line makes one line of a value: what would end it, or the cell of a table, is
// shown escaped.
func Line(s string) string { return lines.Replace(s) }

var lines = strings.NewReplacer("\n", `\n`, "\t", `\t`, "\v", `\v`, "\f", `\f`)

// Fprintf is fmt.Fprintf with values that keep to their place: a text among them
// ends neither the line nor the cell of a table in which it stands.
func Fprintf(w io.Writer, format string, args ...any) (int, error) {
	for i, x := range args {
		if reflect.ValueOf(x).Kind() == reflect.String {
			args[i] = Line(fmt.Sprint(x))
		}
	}
	return fmt.Fprintf(w, format, args...)
}
