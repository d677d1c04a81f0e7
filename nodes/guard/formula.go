package guard

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/expand"
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

func (b *builder) words(list []*syntax.Word, fields bool) {
	for _, w := range list {
		b.number(elementSize)
		b.word(w, fields)
		b.add()
		b.add()
	}
}

// word is one word. Fields says that it is split.
func (b *builder) word(w *syntax.Word, fields bool) {
	b.number(1)
	if w == nil {
		return
	}
	parts := w.Parts
	braces := *w
	var n int64 = 1
	if fields && syntax.SplitBraces(&braces) {
		count := 0
		if n = expanded(&braces, &count); n > maxBraces || count > 64 {
			b.err = ErrMemory
		}
	}
	b.parts(parts, fields)
	b.add()
	if n > 1 {
		b.times(n)
	}
}

// expanded is how many words a word with braces becomes; count is of its braces.
func expanded(w *syntax.Word, count *int) int64 {
	n := int64(1)
	for _, p := range w.Parts {
		br, ok := p.(*syntax.BraceExp)
		if !ok {
			continue
		}
		var alternatives int64
		if *count++; br.Sequence {
			alternatives = sequence(br)
		} else {
			for _, e := range br.Elems {
				alternatives += expanded(e, count)
			}
		}
		if n *= max(alternatives, 1); n > maxBraces || n < 0 {
			return maxBraces + 1
		}
	}
	return n
}

func sequence(br *syntax.BraceExp) int64 {
	from, err1 := strconv.ParseInt(br.Elems[0].Lit(), 10, 64)
	to, err2 := strconv.ParseInt(br.Elems[1].Lit(), 10, 64)
	if err1 != nil || err2 != nil {
		return 256 // letters
	}
	if distance := max(from, to)/2 - min(from, to)/2; distance > maxBraces {
		return maxBraces + 1
	}
	return max(from, to) - min(from, to) + 1
}

func (b *builder) parts(parts []syntax.WordPart, fields bool) {
	b.number(0)
	for i, p := range parts {
		factor := int64(1)
		switch p := p.(type) {
		case *syntax.Lit:
			n := int64(len(p.Value))
			if fields { // one for each escaped character
				n *= 4
			}
			b.number(n)
			if i == 0 && strings.HasPrefix(p.Value, "~") {
				b.variable("$HOME")
				b.add()
			}
		case *syntax.SglQuoted:
			b.number(int64(len(p.Value)))
		case *syntax.DblQuoted:
			b.parts(p.Parts, false)
		case *syntax.ParamExp:
			b.parameter(p)
			if fields {
				factor = split
			}
		case *syntax.CmdSubst:
			limit := int64(maxSubst)
			if fields {
				limit, factor = maxFields, split
			}
			b.substitution(p, max(limit/max(b.substs, 1), maxInner))
		case *syntax.ArithmExp:
			b.arithm(p.X)
		case *syntax.ExtGlob:
			b.number(int64(len(p.Pattern.Value)))
		default:
			b.number(0)
		}
		if factor > 1 {
			b.times(factor)
		}
		b.add()
	}
}

// substitution bounds what a command substitution brings in.
func (b *builder) substitution(c *syntax.CmdSubst, limit int64) {
	b.dynamic = true
	b.number(limit)
	if len(c.Stmts) == 0 {
		return
	}
	all := &syntax.Stmt{Position: c.Pos(), Cmd: &syntax.Block{Lbrace: c.Pos(), Rbrace: c.Pos(), Stmts: c.Stmts}}
	all.Redirs = []*syntax.Redirect{appendTo(c.Pos(), substFile+strconv.FormatInt(limit, 10), "")}
	b.tamer.ours[all] = true
	c.Stmts = []*syntax.Stmt{all}
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

// validQuoted says whether $'…' is text.
func validQuoted(s string) bool {
	text, _, err := expand.Format(nil, s, nil)
	return err != nil || utf8.ValidString(text)
}
