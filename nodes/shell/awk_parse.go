package shell

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// awkProgram is a program that was read.
type awkProgram struct {
	begin, end []awkStmt
	rules      []awkRule
}

// awkRule is an action for the lines that fit. No pattern is every line.
type awkRule struct {
	from, to awkExpr
	action   awkStmt
}

type (
	awkStmt func(*awkRun) error
	awkExpr func(*awkRun) (awkValue, error)
	// awkPlace is what can be assigned to.
	awkPlace func(*awkRun, awkValue) error
)

var (
	awkName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	awkTokens = regexp.MustCompile(`^(?:[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+|[A-Za-z_][A-Za-z0-9_]*|"(?:[^"\\\n]|\\.)*"|\n|&&|\|\||\+\+|--|[-+*/%^=!<>]=|>>|!~|[-+*/%^=!<>~?:,;(){}\[\]$|])`)
	awkSpace  = regexp.MustCompile(`^(?:[ \t\r]|\\\n|#[^\n]*)+`)
	awkRegexp = regexp.MustCompile(`^/((?:[^/\\\n]|\\.)*)/`)
)

// awkDepth bounds how deep a program may be.
const awkDepth = 200

// awkParser reads a program. A mistake ends it by a panic of an awkError.
type awkParser struct {
	text  string
	token string // the next
	depth int
	noIn  bool // in the head of a for
	noGT  bool // > sends what is printed to a file
}

type awkError struct{ text string }

// parseAWK reads a program.
func parseAWK(text string) (p *awkProgram, err error) {
	if len(text) > maxText/4 {
		return nil, errors.New("the program is too long")
	}
	defer func() {
		if x := recover(); x != nil {
			e, ok := x.(awkError)
			if !ok {
				panic(x)
			}
			p, err = nil, errors.New(e.text)
		}
	}()
	a := &awkParser{text: text}
	a.next()
	return a.program(), nil
}

func (a *awkParser) fail() {
	near := a.token
	if near == "\n" || near == "" {
		near = "the end of the line"
	}
	panic(awkError{fmt.Sprintf("syntax error near %s", near)})
}

// next reads a token.
func (a *awkParser) next() string {
	was := a.token
	a.text = a.text[len(awkSpace.FindString(a.text)):]
	a.token = awkTokens.FindString(a.text)
	if a.token == "" && a.text != "" {
		a.token = a.text[:1]
		a.fail()
	}
	a.text = a.text[len(a.token):]
	return was
}

func (a *awkParser) is(tokens ...string) bool { return slices.Contains(tokens, a.token) }

func (a *awkParser) accept(token string) bool {
	if a.token != token || token == "" {
		return false
	}
	a.next()
	return true
}

func (a *awkParser) need(token string) {
	if !a.accept(token) {
		a.fail()
	}
}

func (a *awkParser) newlines() {
	for a.is("\n", ";") {
		a.next()
	}
}

// deeper counts how deep the program is; the result ends that.
func (a *awkParser) deeper() func() {
	if a.depth++; a.depth > awkDepth {
		a.fail()
	}
	return func() { a.depth-- }
}

func (a *awkParser) program() *awkProgram {
	p := &awkProgram{}
	for a.newlines(); a.token != ""; a.newlines() {
		switch {
		case a.accept("BEGIN"):
			p.begin = append(p.begin, a.block())
		case a.accept("END"):
			p.end = append(p.end, a.block())
		default:
			p.rules = append(p.rules, a.rule())
		}
	}
	return p
}

func (a *awkParser) rule() awkRule {
	var r awkRule
	if !a.is("{") {
		r.from = a.expr()
		if a.accept(",") {
			r.to = a.expr()
		}
	}
	if a.is("{") {
		r.action = a.block()
	} else {
		r.action = func(r *awkRun) error { return r.write(r.line+r.vars["ORS"].String(), "", false) }
	}
	return r
}

func (a *awkParser) block() awkStmt {
	defer a.deeper()()
	a.need("{")
	var list []awkStmt
	for a.newlines(); !a.is("}"); a.newlines() {
		if a.token == "" {
			a.fail()
		}
		list = append(list, a.statement())
	}
	a.next()
	return func(r *awkRun) error { return r.all(list) }
}

// body is the statement that an if or a loop is about.
func (a *awkParser) body() awkStmt {
	if a.accept(";") {
		return func(*awkRun) error { return nil }
	}
	a.newlines()
	return a.statement()
}

func (a *awkParser) statement() awkStmt {
	defer a.deeper()()
	switch {
	case a.is("{"):
		return a.block()
	case a.accept("if"):
		return a.conditional()
	case a.accept("while"):
		a.need("(")
		while := a.expr()
		a.need(")")
		return loop(nil, while, nil, a.body())
	case a.accept("for"):
		return a.forLoop()
	}
	s := a.simple()
	if !a.is("}", "") && !a.accept(";") && !a.accept("\n") {
		a.fail()
	}
	return s
}

func (a *awkParser) conditional() awkStmt {
	a.need("(")
	cond := a.expr()
	a.need(")")
	then := a.body()
	other := func(*awkRun) error { return nil }
	text, token := a.text, a.token
	a.newlines()
	if a.accept("else") {
		other = a.body()
	} else {
		a.text, a.token = text, token
	}
	return func(r *awkRun) error {
		v, err := cond(r)
		switch {
		case err != nil:
			return err
		case v.true():
			return then(r)
		}
		return other(r)
	}
}

func (a *awkParser) forLoop() awkStmt {
	a.need("(")
	if text, token := a.text, a.token; awkName.MatchString(token) {
		a.next()
		if a.accept("in") && awkName.MatchString(a.token) {
			array := a.next()
			if a.accept(")") {
				return each(token, array, a.body())
			}
		}
		a.text, a.token = text, token
	}
	var first, after awkStmt
	var while awkExpr
	if !a.is(";") {
		first = a.simple()
	}
	a.need(";")
	if !a.is(";") {
		while = a.expr()
	}
	a.need(";")
	if !a.is(")") {
		after = a.simple()
	}
	a.need(")")
	return loop(first, while, after, a.body())
}

// each goes over the keys of an array.
func each(name, array string, body awkStmt) awkStmt {
	return func(r *awkRun) error {
		for _, k := range slices.Sorted(maps.Keys(r.arrays[array])) {
			err := r.set(name, input(k))
			if err == nil {
				err = body(r)
			}
			if err == nil || errors.Is(err, errContinue) {
				err = r.step()
			}
			if errors.Is(err, errBreak) {
				break
			} else if err != nil {
				return err
			}
		}
		return nil
	}
}

func loop(first awkStmt, while awkExpr, after, body awkStmt) awkStmt {
	return func(r *awkRun) error {
		if first != nil {
			if err := first(r); err != nil {
				return err
			}
		}
		for {
			if while != nil {
				if v, err := while(r); err != nil || !v.true() {
					return err
				}
			}
			err := body(r)
			if errors.Is(err, errBreak) {
				return nil
			}
			if (err == nil || errors.Is(err, errContinue)) && after != nil {
				err = after(r)
			}
			if err == nil || errors.Is(err, errContinue) {
				err = r.step()
			}
			if err != nil {
				return err
			}
		}
	}
}

// simple is a statement without others in it.
func (a *awkParser) simple() awkStmt {
	for word, end := range map[string]error{"next": errNext, "break": errBreak, "continue": errContinue} {
		if a.accept(word) {
			return func(*awkRun) error { return end }
		}
	}
	switch {
	case a.accept("exit"):
		code := awkExpr(func(r *awkRun) (awkValue, error) { return num(float64(r.code)), nil })
		if !a.is("}", ";", "\n", "") {
			code = a.expr()
		}
		return func(r *awkRun) error {
			v, err := code(r)
			if r.code = int(v.Number()) & 0xff; err != nil {
				return err
			}
			return errExit
		}
	case a.accept("delete"):
		name := a.next()
		if !a.is("[") {
			return func(r *awkRun) error { delete(r.arrays, name); return nil }
		}
		key := a.subscript()
		return func(r *awkRun) error {
			k, err := key(r)
			delete(r.arrays[name], k.String())
			return err
		}
	case a.is("print", "printf"):
		return a.print(a.next())
	}
	e := a.expr()
	return func(r *awkRun) error {
		_, err := e(r)
		return err
	}
}
