package shell

import (
	"errors"
	"fmt"
	"strings"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/syntax"
)

// maxText bounds a line that a command makes, in bytes.
const maxText = 1 << 20

// problem is what a shell says of a script that it cannot read.
type problem struct {
	gnu    bool
	line   int
	text   string
	source string // the line, if bash repeats it
}

// Error implements error.
func (p *problem) Error() string {
	out := fmt.Sprintf("%d: %s", p.line, p.text)
	if p.gnu {
		out = "line " + out
	}
	if p.source != "" {
		out += fmt.Sprintf("\nbash: line %d: `%s'", p.line, p.source)
	}
	return out
}

// parse reads a script.
func (s *Shell) parse(script string) (*syntax.File, error) {
	f, err := guard.Parse(script, "sh")
	if err != nil {
		if s.GNU {
			err = bashError(script, err)
		}
		return nil, err
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		if st, ok := n.(*syntax.Stmt); ok && s.Change != nil {
			s.Change(st)
		}
		return true
	})
	return f, nil
}

// safe reads a script and makes it safe to interpret.
func (s *Shell) safe(script string) (*syntax.File, error) {
	f, err := s.parse(script)
	if err != nil {
		return nil, err
	}
	return f, guard.Safe(f)
}

// bashError puts the parser's finding in bash's words.
func bashError(script string, err error) error {
	var lang syntax.LangError
	if errors.As(err, &lang) {
		return &problem{gnu: true, line: int(lang.Pos.Line()), text: "syntax error: " + lang.Feature + " is not supported"}
	}
	var p syntax.ParseError
	if !errors.As(err, &p) {
		return &problem{gnu: true, line: 1, text: err.Error()}
	}
	lines := strings.Split(script, "\n")
	line := max(int(p.Pos.Line()), 1)
	if p.Incomplete {
		for _, quote := range []string{`"`, `'`, "`"} {
			if strings.Contains(p.Text, "closing quote") && (strings.Contains(p.Text, "`"+quote+"`") || strings.Contains(p.Text, `"`+quote+`"`)) {
				return &problem{gnu: true, line: line, text: "unexpected EOF while looking for matching `" + quote + "'"}
			}
		}
		return &problem{gnu: true, line: len(lines) + 1, text: "syntax error: unexpected end of file"}
	}
	source := ""
	if line <= len(lines) {
		source = lines[line-1]
	}
	return &problem{gnu: true, line: line, text: "syntax error near unexpected token `" + token(source, int(p.Pos.Col())) + "'", source: source}
}

// token is what stands at a column, which begins at 1.
func token(line string, column int) string {
	if column < 1 || column > len(line) {
		return "newline"
	}
	rest := line[column-1:]
	for _, operator := range []string{"&&", "||", ";;", ";", "&", "|", ")", "(", "<", ">"} {
		if strings.HasPrefix(rest, operator) {
			return operator
		}
	}
	if i := strings.IndexAny(rest, " \t;&|()<>"); i > 0 {
		rest = rest[:i]
	}
	return rest
}

// Incomplete says that a text is the beginning of a command (an open quote, a backslash at
// the end, a here-document), so that more lines are to be read.
func Incomplete(script string) bool {
	trimmed := strings.TrimRight(script, "\n")
	slashes := len(trimmed) - len(strings.TrimRight(trimmed, `\`))
	if slashes%2 == 1 {
		return true
	}
	_, err := guard.Parse(script, "")
	return err != nil && syntax.IsIncomplete(err)
}

// Quoted is a command line as text.
func Quoted(words []string) (string, error) {
	out := make([]string, len(words))
	for i, w := range words {
		q, err := syntax.Quote(w, syntax.LangBash)
		if err != nil {
			return "", err
		}
		out[i] = q
	}
	return strings.Join(out, " "), nil
}
