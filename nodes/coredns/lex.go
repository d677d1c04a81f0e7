package coredns

import (
	"fmt"
	"strings"
	"unicode"
)

// token is a word of a Corefile, and where it stands.
type token struct {
	text string
	file string
	line int
}

// follows says whether the token begins a line, behind another one.
func (t token) follows(before token) bool {
	return t.file != before.file || before.line+strings.Count(before.text, "\n") < t.line
}

// wrong is what is wrong at the token, as Caddy's parser says it.
func (t token) wrong(format string, args ...any) error {
	return fmt.Errorf("%s:%d - Error during parsing: %s", t.file, t.line, fmt.Sprintf(format, args...))
}

// unexpected is the same of a token in the place of another.
func (t token) unexpected(wanted string) error {
	return fmt.Errorf("%s:%d - Syntax error: Unexpected token '%s', expecting '%s'", t.file, t.line, t.text, wanted)
}

// tooDeep is the same of an import of what imports itself.
func (t token) tooDeep() error {
	return t.wrong("maximum snippet import depth (%d) exceeded", maxImports)
}

// lex cuts a file into words: between blanks, or between quotes if one begins with them, in
// which only a quote can be escaped. What follows # on a line is a comment.
func lex(file string, text []byte) (tokens []token) {
	l := lexer{file: file, line: 1}
	for _, ch := range strings.TrimPrefix(string(text), "\ufeff") {
		l.take(ch)
	}
	if len(l.word) > 0 {
		l.end()
	}
	return l.tokens
}

type lexer struct {
	file                     string
	line                     int
	word                     []rune
	begun                    int // the line of the word
	quoted, escaped, comment bool
	tokens                   []token
}

// end ends a word.
func (l *lexer) end() {
	l.tokens = append(l.tokens, token{string(l.word), l.file, l.begun})
	l.word = l.word[:0]
}

// take takes the next character.
func (l *lexer) take(ch rune) {
	switch {
	case l.quoted:
		l.quote(ch)
		return
	case ch == '\r':
		return
	case unicode.IsSpace(ch):
		if len(l.word) > 0 {
			l.end()
		}
		if ch == '\n' {
			l.line++
			l.comment = false
		}
		return
	}
	if l.comment = l.comment || ch == '#'; l.comment {
		return
	}
	if len(l.word) == 0 {
		l.begun = l.line
		if l.quoted = ch == '"'; l.quoted {
			return
		}
	}
	l.word = append(l.word, ch)
}

// quote takes a character between quotes.
func (l *lexer) quote(ch rune) {
	switch {
	case l.escaped:
		if ch != '"' {
			l.word = append(l.word, '\\')
		}
	case ch == '\\':
		l.escaped = true
		return
	case ch == '"':
		l.quoted = false
		l.end()
		return
	}
	if ch == '\n' {
		l.line++
	}
	l.escaped = false
	l.word = append(l.word, ch)
}
