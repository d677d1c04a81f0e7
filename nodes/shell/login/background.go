package login

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

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
