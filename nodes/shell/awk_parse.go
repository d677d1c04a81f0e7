package shell

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
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

func (a *awkParser) print(how string) awkStmt {
	a.noGT = true
	var list []awkExpr
	if !a.is("}", ";", "\n", "", ">", ">>") {
		list = a.list()
	}
	a.noGT = false
	var to awkExpr
	add := false
	if a.is(">", ">>") {
		add = a.next() == ">>"
		to = a.level(awkConcat)
	}
	return func(r *awkRun) error {
		values, err := r.values(list)
		if err != nil {
			return err
		}
		file := ""
		if to != nil {
			v, err := to(r)
			if err != nil {
				return err
			}
			file = v.String()
		}
		text := r.line
		if how == "printf" {
			text, err = awkFormat(values)
		} else {
			if len(values) > 0 {
				text = joined(values, r.vars["OFS"].String())
			}
			text += r.vars["ORS"].String()
		}
		if err == nil {
			err = r.step()
		}
		if err != nil {
			return err
		}
		return r.write(text, file, add)
	}
}

func joined(values []awkValue, sep string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.String()
	}
	return strings.Join(out, sep)
}

// list reads expressions with commas between them, which may be in parentheses.
func (a *awkParser) list() []awkExpr {
	if a.is("(") { // print (a, b) is print a, b
		text, token, noGT := a.text, a.token, a.noGT
		a.next()
		a.noGT = false
		list := []awkExpr{a.expr()}
		for a.accept(",") {
			a.newlines()
			list = append(list, a.expr())
		}
		a.noGT = noGT
		if a.accept(")") && len(list) > 1 && a.is("}", ";", "\n", "", ">", ">>") {
			return list
		}
		a.text, a.token = text, token
	}
	list := []awkExpr{a.expr()}
	for a.accept(",") {
		a.newlines()
		list = append(list, a.expr())
	}
	return list
}

func (r *awkRun) values(list []awkExpr) ([]awkValue, error) {
	out, size := make([]awkValue, len(list)), 0
	for i, e := range list {
		v, err := e(r)
		if err != nil {
			return nil, err
		}
		if size += len(v.text); size > 4*maxText {
			return nil, errors.New("out of memory")
		}
		out[i] = v
	}
	return out, nil
}

// awkVerb is a verb of printf.
var awkVerb = regexp.MustCompile(`%([-+ #0]*)(\*|[0-9]*)(?:\.([0-9]*))?([a-zA-Z%])`)

// awkFormat is printf's.
func awkFormat(values []awkValue) (string, error) {
	if len(values) == 0 {
		return "", errors.New("not enough args in printf()")
	}
	args, size := values[1:], 0
	take := func() (v awkValue) {
		if len(args) > 0 {
			v, args = args[0], args[1:]
		}
		return v
	}
	out := awkVerb.ReplaceAllStringFunc(values[0].String(), func(m string) string {
		p := awkVerb.FindStringSubmatch(m)
		flags, width, precision, verb := p[1], p[2], p[3], p[4]
		if width == "*" {
			width = strconv.Itoa(int(take().Number()))
		}
		w, _ := strconv.Atoi(width) // none is 0
		d, err := strconv.Atoi(precision)
		if w < -1000 || w > 1000 || d > 1000 || size > maxText {
			return ""
		}
		form := "%" + flags + width
		if err == nil {
			form += "." + precision
		}
		text := ""
		switch verb {
		case "%":
			return "%"
		case "d", "i":
			text = fmt.Sprintf(form+"d", int64(take().Number()))
		case "o", "x", "X", "u":
			text = fmt.Sprintf(form+strings.Replace(verb, "u", "d", 1), int64(take().Number()))
		case "f", "F", "e", "E", "g", "G":
			text = fmt.Sprintf(form+verb, take().Number())
		case "c":
			v := take()
			if v.isNum {
				text = fmt.Sprintf(form+"c", rune(v.number))
			} else if r := []rune(v.text); len(r) > 0 {
				text = fmt.Sprintf(form+"c", r[0])
			}
		default:
			text = fmt.Sprintf(form+"s", take().String())
		}
		size += len(text)
		return text
	})
	return out, nil
}
