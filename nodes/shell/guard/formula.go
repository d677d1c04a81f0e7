package guard

import (
	"errors"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A formula says how many bytes a statement's expansions take at the most, by the sizes of
// the variables. It is text in postfix notation, since it stands in the script:
//
//	12      a number               $x      the size of a variable
//	#       of all parameters      !       of whatever is largest
//	+ *     sum and product        =x      the size is a variable's from here on
//	?x      1 if a variable (or ?#, the parameters) has a character of a pattern in it, else 0
//	^       of s and k: s if k is not 0, else 1
//	f:x     of n: so many bytes are kept as the function x
const (
	// split is what one byte takes, if words are split into fields: each may be a byte.
	split = 32
	// steps is how many steps of a comparison count as much as a byte.
	steps = 1
	// maxSubst and maxInner bound what a command substitution brings in: as part of a word,
	// and of one that is taken many times.
	maxSubst  = 512 << 10
	maxFields = 64 << 10
	maxInner  = 4 << 10
	// maxBraces is how many words a word with braces may become; the interpreter has the
	// same bound.
	maxBraces = 16 << 10
	// maxFormula bounds a formula, in bytes.
	maxFormula = 256 << 10
)

// The names of the files by which the interpreter asks.
const (
	sizeFile  = "/dev/.demarc/size/"
	substFile = "/dev/.demarc/subst/"
)

// measure puts the redirection in front of a statement by which it says what it takes.
func (t *tamer) measure(st *syntax.Stmt) error {
	if word := fileOnly(st); word != nil { // $(<file)
		st.Cmd = &syntax.CallExpr{Args: []*syntax.Word{{Parts: []syntax.WordPart{lit(st.Position, "cat")}}}}
	}
	b := builder{tamer: t}
	b.count(st)
	for _, r := range st.Redirs {
		b.redirect(r)
	}
	b.number(0)
	b.command(st.Cmd)
	switch {
	case b.err != nil:
		return b.err
	case b.text.Len() > maxFormula:
		return ErrMemory
	case !b.dynamic && b.constant < 4<<10:
		return nil
	}
	if _, ok := st.Cmd.(*syntax.FuncDecl); ok { // as text, its redirection would be its body's
		own := *st
		t.ours[&own] = true
		*st = syntax.Stmt{Position: st.Position, Cmd: &syntax.Block{Lbrace: st.Position, Rbrace: st.Position, Stmts: []*syntax.Stmt{&own}}}
	}
	st.Redirs = append([]*syntax.Redirect{appendTo(st.Position, sizeFile+b.text.String(), "2")}, st.Redirs...)
	return nil
}

func fileOnly(st *syntax.Stmt) *syntax.Word {
	if st.Cmd != nil || len(st.Redirs) != 1 || st.Redirs[0].Op != syntax.RdrIn {
		return nil
	}
	return st.Redirs[0].Word
}

// appendTo is the redirection of an output to the end of a file.
func appendTo(at syntax.Pos, name, fd string) *syntax.Redirect {
	r := &syntax.Redirect{OpPos: at, Op: syntax.AppOut, Word: &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Left: at, Right: at, Value: name}}}}
	if fd != "" {
		r.N = lit(at, fd)
	}
	return r
}

// builder writes a formula. Each of its methods for a part of a script leaves one number.
type builder struct {
	tamer    *tamer
	text     strings.Builder
	constant int64
	dynamic  bool // not only numbers
	substs   int64
	err      error
}

func (b *builder) token(s string) { b.text.WriteString(s + " ") }

func (b *builder) number(n int64) {
	b.constant += n
	b.token(strconv.FormatInt(n, 10))
}

func (b *builder) add() { b.token("+") }

func (b *builder) times(n int64) {
	b.token(strconv.FormatInt(n, 10) + " *")
	b.constant *= max(n, 1)
}

func (b *builder) variable(token string) {
	b.dynamic = true
	b.token(token)
}

// count counts a statement's own command substitutions, which share what may come in.
func (b *builder) count(st *syntax.Stmt) {
	syntax.Walk(st, func(n syntax.Node) bool {
		if _, ok := n.(*syntax.CmdSubst); ok {
			b.substs++
		}
		inner, ok := n.(*syntax.Stmt)
		return !ok || inner == st
	})
}

// command is what a command takes by itself, without the statements in it. What was left
// before it is added.
func (b *builder) command(c syntax.Command) {
	switch c := c.(type) {
	case *syntax.CallExpr:
		b.words(c.Args, true)
		for _, a := range c.Assigns {
			b.assign(a)
			b.add()
		}
	case *syntax.DeclClause:
		for _, a := range c.Args {
			b.assign(a)
			b.add()
		}
	case *syntax.ForClause:
		if w, ok := c.Loop.(*syntax.WordIter); ok {
			b.words(w.Items, true)
		}
	case *syntax.CaseClause:
		b.word(c.Word, false)
		b.number(0)
		for _, item := range c.Items {
			b.words(item.Patterns, false)
			if resumes := item.Op == syntax.Resume || item.Op == syntax.ResumeKorn; resumes && !literals(item.Patterns) {
				b.err = errors.New("syntax error: ;;& after a pattern that is expanded")
			}
		}
		b.compare()
		b.add()
	case *syntax.ArithmCmd:
		b.arithm(c.X)
		b.add()
	case *syntax.LetClause:
		for _, x := range c.Exprs {
			b.arithm(x)
			b.add()
		}
	case *syntax.TestClause:
		b.test(c.X)
		b.add()
	case *syntax.FuncDecl:
		if c.Name != nil {
			b.number(int64(c.Body.End().Offset()) - int64(c.Body.Pos().Offset()) + 512)
			b.variable("f:" + c.Name.Value)
			b.add()
		}
	}
}

func literals(words []*syntax.Word) bool {
	for _, w := range words {
		if w.Lit() == "" {
			return false
		}
	}
	return true
}

// compare is of what is compared and a pattern's size: what that takes.
func (b *builder) compare() {
	b.token("* 1 + " + strconv.Itoa(steps) + " /")
	b.constant *= 2
}

// assign is NAME=VALUE, by itself or for a command.
func (b *builder) assign(a *syntax.Assign) {
	b.number(64)
	if a.Value != nil {
		b.word(a.Value, a.Name == nil)
		b.add()
	}
	if a.Index != nil {
		b.arithm(a.Index)
		b.add()
	}
	if a.Array != nil {
		for _, e := range a.Array.Elems {
			b.word(e.Value, e.Index == nil)
			b.add()
			if e.Index != nil {
				b.arithm(e.Index)
				b.add()
			}
		}
	}
	if a.Name == nil || a.Naked {
		return
	}
	if a.Append || a.Index != nil {
		b.variable("$" + a.Name.Value)
		b.add()
	}
	b.token("=" + a.Name.Value)
}

func (b *builder) arithm(x syntax.ArithmExpr) {
	switch x := x.(type) {
	case *syntax.Word:
		b.word(x, false)
	case *syntax.ParenArithm:
		b.arithm(x.X)
	case *syntax.UnaryArithm:
		b.arithm(x.X)
	case *syntax.BinaryArithm:
		b.arithm(x.X)
		b.arithm(x.Y)
		b.add()
	default:
		b.number(0)
	}
}

func (b *builder) test(x syntax.TestExpr) {
	switch x := x.(type) {
	case *syntax.Word:
		b.word(x, false)
	case *syntax.ParenTest:
		b.test(x.X)
	case *syntax.UnaryTest:
		b.test(x.X)
	case *syntax.BinaryTest:
		b.test(x.X)
		b.test(x.Y)
		switch x.Op {
		case syntax.TsReMatch:
			b.times(regexpCost(x.Y)) // each repetition is a copy
			b.compare()
		case syntax.TsMatchShort, syntax.TsMatch, syntax.TsNoMatch:
			b.compare()
		default:
			b.add()
		}
	default:
		b.number(0)
	}
}

// regexpCost is how many instructions a character of a regular expression may become.
func regexpCost(x syntax.TestExpr) int64 {
	cost := int64(1)
	syntax.Walk(x, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Lit:
			if strings.Contains(n.Value, "{") {
				cost = 64
			}
		case *syntax.ParamExp, *syntax.CmdSubst:
			cost = 64
			return false
		}
		return true
	})
	return cost
}

func (b *builder) redirect(r *syntax.Redirect) {
	b.number(0)
	b.word(r.Word, false)
	b.add()
	if r.Hdoc != nil {
		b.word(r.Hdoc, false)
		b.add()
	}
}
