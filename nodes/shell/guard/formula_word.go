package guard

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// words are the words of a command or a list.
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
