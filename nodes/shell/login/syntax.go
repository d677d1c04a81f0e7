package login

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/syntax"
)

// maxText bounds a line that a command makes, in bytes.
const maxText = 1 << 20

// problem is what bash says of a script that it cannot read.
type problem struct {
	line   int
	text   string
	source string // the line, if bash repeats it
}

// Error implements error.
func (p *problem) Error() string {
	out := fmt.Sprintf("line %d: %s", p.line, p.text)
	if p.source != "" {
		out += fmt.Sprintf("\nbash: line %d: `%s'", p.line, p.source)
	}
	return out
}

// complain prints what is wrong with a script.
func (s *Session) complain(w io.Writer, err error) { fmt.Fprintln(w, "bash: "+err.Error()) }

// parse reads a script. What runs in the background ends.
func parse(script string) (*syntax.File, error) {
	f, err := guard.Parse(script, "")
	if err != nil {
		return nil, bashError(script, err)
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		if st, ok := n.(*syntax.Stmt); ok {
			background(st)
		}
		return true
	})
	return f, nil
}

// safe reads a script and makes it safe to interpret, as package program does.
func safe(script string) (*syntax.File, error) {
	f, err := parse(script)
	if err != nil {
		return nil, err
	}
	if e, ok := errors.AsType[*guard.Error](guard.Safe(f)); ok {
		return nil, &problem{line: int(e.At.Line()), text: e.Error()}
	}
	return f, nil
}

// bashError puts the parser's finding in bash's words.
func bashError(script string, err error) error {
	var lang syntax.LangError
	if errors.As(err, &lang) {
		return &problem{line: int(lang.Pos.Line()), text: "syntax error: " + lang.Feature + " is not supported"}
	}
	var p syntax.ParseError
	if !errors.As(err, &p) {
		return &problem{line: 1, text: err.Error()}
	}
	lines := strings.Split(script, "\n")
	line := max(int(p.Pos.Line()), 1)
	if p.Incomplete {
		for _, quote := range []string{`"`, `'`, "`"} {
			if strings.Contains(p.Text, "closing quote") && (strings.Contains(p.Text, "`"+quote+"`") || strings.Contains(p.Text, `"`+quote+`"`)) {
				return &problem{line: line, text: "unexpected EOF while looking for matching `" + quote + "'"}
			}
		}
		return &problem{line: len(lines) + 1, text: "syntax error: unexpected end of file"}
	}
	source := ""
	if line <= len(lines) {
		source = lines[line-1]
	}
	return &problem{line: line, text: "syntax error near unexpected token `" + token(source, int(p.Pos.Col())) + "'", source: source}
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

// background makes a command that runs beside the shell (&) something that ends: it runs
// at once, or, if it would wait or turn for ever, becomes an entry of the process table.
func background(st *syntax.Stmt) {
	if !st.Background && !st.Disown {
		return
	}
	st.Background, st.Disown = false, false
	if !endless(st.Cmd) {
		return
	}
	var b strings.Builder
	_ = syntax.NewPrinter(syntax.SingleLine(true)).Print(&b, st.Cmd) // memory does not fail
	text := &syntax.SglQuoted{Left: st.Pos(), Value: strings.ReplaceAll(b.String(), "'", `"`)}
	name := &syntax.Lit{ValuePos: st.Pos(), ValueEnd: st.Pos(), Value: spawnName}
	st.Redirs = nil
	st.Cmd = &syntax.CallExpr{Args: []*syntax.Word{{Parts: []syntax.WordPart{name}}, {Parts: []syntax.WordPart{text}}}}
}

// waiting are commands that are put in the background because they take long.
var waiting = map[string]bool{"sleep": true, "yes": true, "watch": true, "ping": true, "top": true}

func endless(cmd syntax.Command) bool {
	switch c := cmd.(type) {
	case *syntax.WhileClause:
		return true
	case *syntax.ForClause:
		_, c3 := c.Loop.(*syntax.CStyleLoop)
		return c3
	case *syntax.Subshell:
		return len(c.Stmts) > 0 && endless(c.Stmts[len(c.Stmts)-1].Cmd)
	case *syntax.Block:
		return len(c.Stmts) > 0 && endless(c.Stmts[len(c.Stmts)-1].Cmd)
	case *syntax.CallExpr:
		for _, w := range c.Args {
			switch name := w.Lit(); {
			case waiting[name]:
				return true
			case name != "sudo" && name != "nohup" && name != "nice" && name != "setsid":
				return false
			}
		}
	}
	return false
}

// quoted is a command line as text.
func quoted(words []string) (string, error) {
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
