package guard

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// parameter is ${…}.
func (b *builder) parameter(p *syntax.ParamExp) {
	if p.Param == nil {
		b.number(0)
		return
	}
	token := b.name(p)
	b.subscripts(p)
	switch {
	case p.Length:
	case p.Slice != nil:
		b.times(6) // in runes
	case p.Repl != nil:
		b.replacement(p, token)
	case p.Exp != nil:
		b.expansion(p, token)
	}
}

// name is the size of a parameter. It returns the variable's name for tokens, "" for none.
func (b *builder) name(p *syntax.ParamExp) string {
	name := p.Param.Value
	switch {
	case p.Excl:
		b.variable("!")
		return "!"
	case name == "@" || name == "*" || name[0] >= '1' && name[0] <= '9':
		b.variable("#")
		return "#"
	case syntax.ValidName(name):
		b.variable("$" + name)
		return name
	}
	b.number(256)
	return ""
}

func (b *builder) subscripts(p *syntax.ParamExp) {
	list := []syntax.ArithmExpr{p.Index}
	if p.Slice != nil {
		list = append(list, p.Slice.Offset, p.Slice.Length)
	}
	for _, x := range list {
		if x != nil {
			b.arithm(x)
			b.add()
		}
	}
}

// replacement is ${x/y/z}, of which the size of x is left. Each of its characters may be
// replaced, and each compared with the pattern: if that looks far ahead, with all that
// follows.
func (b *builder) replacement(p *syntax.ParamExp, token string) {
	outer := b.substs
	b.substs = maxSubst / maxInner
	defer func() { b.substs = outer }()
	again := "256"
	if token != "" {
		again = "$" + token
	}
	if token == "#" || token == "!" {
		again = token
	}
	b.word(p.Repl.With, false)
	b.token(again + " 64 + *")
	b.add()
	b.token(again)
	b.word(p.Repl.Orig, false)
	b.token("*")
	b.ahead(p.Repl.Orig, again)
	b.token("*")
	b.number(1)
	b.compare()
	b.add()
}

// ahead is how far a pattern looks: 1, or over all that it is compared with.
func (b *builder) ahead(w *syntax.Word, size string) {
	b.token(size)
	b.number(0)
	if w != nil {
		syntax.Walk(w, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Lit:
				if strings.ContainsAny(n.Value, "*(") {
					b.token("1 +")
				}
			case *syntax.ParamExp:
				b.star(n)
			case *syntax.CmdSubst:
				b.token("1 +")
				return false
			}
			return true
		})
	}
	b.token("^")
}

func (b *builder) star(p *syntax.ParamExp) {
	switch {
	case p.Param == nil:
	case p.Excl || p.Exp != nil || p.Repl != nil:
		b.token("1 +")
	case syntax.ValidName(p.Param.Value):
		b.token("?" + p.Param.Value + " +")
	default:
		b.token("?# +")
	}
}

// expansion is ${x:-y} and all that are like it, of which the size of x is left.
func (b *builder) expansion(p *syntax.ParamExp, token string) {
	switch p.Exp.Op {
	case syntax.OtherParamOps:
		b.times(12)
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.DefaultUnset, syntax.DefaultUnsetOrNull,
		syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		b.word(p.Exp.Word, false)
		b.add()
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		b.word(p.Exp.Word, false)
		b.add()
		if syntax.ValidName(token) {
			b.token("=" + token)
		}
	default: // a pattern
		b.times(8)
		b.word(p.Exp.Word, false)
		b.token("*")
	}
}
