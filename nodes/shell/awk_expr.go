package shell

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"demarc/nodes/shell/guard"
)

// Levels of operators, the loosest first.
const (
	awkOr = iota
	awkAnd
	awkIn
	awkMatch
	awkCompare
	awkConcat
	awkAdd
	awkMultiply
	awkUnary
)

// expr reads an expression: an assignment, a choice, or what is of operators.
func (a *awkParser) expr() awkExpr {
	defer a.deeper()()
	e, place := a.operand(awkOr)
	if a.accept("?") {
		yes := a.expr()
		a.need(":")
		no := a.expr()
		return func(r *awkRun) (awkValue, error) {
			v, err := e(r)
			switch {
			case err != nil:
				return v, err
			case v.true():
				return yes(r)
			}
			return no(r)
		}
	}
	if place == nil || !a.is("=", "+=", "-=", "*=", "/=", "%=", "^=") {
		return e
	}
	op := strings.TrimSuffix(a.next(), "=")
	value := a.expr()
	return func(r *awkRun) (awkValue, error) {
		v, err := value(r)
		if err == nil && op != "" {
			var old awkValue
			if old, err = e(r); err == nil {
				v, err = arithmetic(op, old, v)
			}
		}
		if err == nil {
			err = place(r, v)
		}
		return v, err
	}
}

func (a *awkParser) level(n int) awkExpr {
	e, _ := a.operand(n)
	return e
}

// operand reads the operators of a level and below; its place is not nil if it can be
// assigned to.
func (a *awkParser) operand(n int) (awkExpr, awkPlace) {
	defer a.deeper()()
	if n == awkUnary {
		return a.unary()
	}
	e, place := a.operand(n + 1)
	for {
		switch {
		case n == awkOr && a.accept("||"):
			e = either(e, a.skip().level(n+1), true)
		case n == awkAnd && a.accept("&&"):
			e = either(e, a.skip().level(n+1), false)
		case n == awkIn && a.is("in") && !a.noIn:
			a.next()
			left, array := e, a.next()
			e = func(r *awkRun) (awkValue, error) {
				k, err := left(r)
				_, ok := r.arrays[array][k.String()]
				return truth(ok), err
			}
		case n == awkMatch && a.is("~", "!~"):
			not := a.next() == "!~"
			e = matching(e, a.pattern(n+1), not)
		case n == awkCompare && (a.is("<", "<=", "==", "!=", ">=") || a.is(">") && !a.noGT):
			e = comparing(a.next(), e, a.level(n+1))
		case n == awkConcat && a.begins():
			e = concatenating(e, a.level(n+1))
		case n == awkAdd && a.is("+", "-"), n == awkMultiply && a.is("*", "/", "%"):
			e = computing(a.next(), e, a.level(n+1))
		default:
			return e, place
		}
		place = nil
	}
}

func (a *awkParser) skip() *awkParser {
	for a.is("\n") {
		a.next()
	}
	return a
}

// begins says whether a token begins another operand, so that texts stand side by side.
func (a *awkParser) begins() bool {
	if a.token == "" || a.is("in") {
		return false
	}
	first := a.token[0]
	return first == '"' || first == '.' || first >= '0' && first <= '9' || first == '$' || a.token == "(" || a.token == "!" ||
		awkName.MatchString(a.token) && !a.is("else", "if", "while", "for", "print", "printf", "next", "exit")
}

func both(a, b awkExpr, f func(*awkRun, awkValue, awkValue) (awkValue, error)) awkExpr {
	return func(r *awkRun) (awkValue, error) {
		x, err := a(r)
		if err != nil {
			return x, err
		}
		y, err := b(r)
		if err != nil {
			return y, err
		}
		return f(r, x, y)
	}
}

func either(a, b awkExpr, or bool) awkExpr {
	return func(r *awkRun) (awkValue, error) {
		v, err := a(r)
		if err != nil || v.true() == or {
			return truth(or), err
		}
		v, err = b(r)
		return truth(v.true()), err
	}
}

// pattern reads what is behind ~: an expression that is given as it is.
func (a *awkParser) pattern(n int) awkExpr {
	if re, ok := a.regexp(); ok {
		return func(*awkRun) (awkValue, error) { return str(re), nil }
	}
	return a.level(n)
}

// regexp reads /…/.
func (a *awkParser) regexp() (string, bool) {
	if !a.is("/", "/=") {
		return "", false
	}
	m := awkRegexp.FindStringSubmatch(a.token + a.text)
	if m == nil {
		a.fail()
	}
	a.text = (a.token + a.text)[len(m[0]):]
	a.next()
	return strings.ReplaceAll(m[1], `\/`, "/"), true
}

func matching(text, pattern awkExpr, not bool) awkExpr {
	return both(text, pattern, func(r *awkRun, x, y awkValue) (awkValue, error) {
		ok, err := r.matches(x.String(), y.String())
		return truth(ok != not), err
	})
}

func comparing(op string, a, b awkExpr) awkExpr {
	return both(a, b, func(_ *awkRun, x, y awkValue) (awkValue, error) {
		order := strings.Compare(x.String(), y.String())
		unset := func(v awkValue) bool { return v.text == "" && v.input } // a field that is not there
		if (x.numeric() || unset(x)) && (y.numeric() || unset(y)) && (x.numeric() || y.numeric()) {
			order = cmp.Compare(x.Number(), y.Number())
		}
		return truth(map[string]bool{"<": order < 0, "<=": order <= 0, "==": order == 0, "!=": order != 0, ">=": order >= 0, ">": order > 0}[op]), nil
	})
}

func concatenating(a, b awkExpr) awkExpr {
	return both(a, b, func(_ *awkRun, x, y awkValue) (awkValue, error) {
		s, t := x.String(), y.String()
		if len(s)+len(t) > maxText {
			return awkValue{}, guard.ErrMemory
		}
		return str(s + t), nil
	})
}

func computing(op string, a, b awkExpr) awkExpr {
	return both(a, b, func(_ *awkRun, x, y awkValue) (awkValue, error) { return arithmetic(op, x, y) })
}

func arithmetic(op string, x, y awkValue) (awkValue, error) {
	a, b := x.Number(), y.Number()
	switch op {
	case "+":
		return num(a + b), nil
	case "-":
		return num(a - b), nil
	case "*":
		return num(a * b), nil
	case "^":
		return num(math.Pow(a, b)), nil
	}
	if b == 0 {
		return awkValue{}, errors.New("division by zero")
	}
	if op == "/" {
		return num(a / b), nil
	}
	return num(math.Mod(a, b)), nil
}

// unary reads !, -, + and ++ in front, and ^, ++ and -- behind.
func (a *awkParser) unary() (awkExpr, awkPlace) {
	defer a.deeper()()
	switch {
	case a.accept("!"):
		e, _ := a.unary()
		return func(r *awkRun) (awkValue, error) {
			v, err := e(r)
			return truth(!v.true()), err
		}, nil
	case a.is("-", "+"):
		sign := map[string]float64{"-": -1, "+": 1}[a.next()]
		e, _ := a.unary()
		return func(r *awkRun) (awkValue, error) {
			v, err := e(r)
			return num(sign * v.Number()), err
		}, nil
	case a.is("++", "--"):
		by := map[string]float64{"--": -1, "++": 1}[a.next()]
		e, place := a.primary()
		return a.stepping(e, place, by, true), nil
	}
	e, place := a.primary()
	if place != nil && a.is("++", "--") {
		return a.stepping(e, place, map[string]float64{"--": -1, "++": 1}[a.next()], false), nil
	}
	if a.accept("^") {
		power, _ := a.unary()
		return computing("^", e, power), nil
	}
	return e, place
}

func (a *awkParser) stepping(e awkExpr, place awkPlace, by float64, first bool) awkExpr {
	if place == nil {
		a.fail()
	}
	return func(r *awkRun) (awkValue, error) {
		v, err := e(r)
		if err != nil {
			return v, err
		}
		old, changed := num(v.Number()), num(v.Number()+by)
		if err := place(r, changed); err != nil || first {
			return changed, err
		}
		return old, nil
	}
}

func (a *awkParser) primary() (awkExpr, awkPlace) {
	defer a.deeper()()
	if re, ok := a.regexp(); ok { // alone it is for the whole line
		return func(r *awkRun) (awkValue, error) {
			ok, err := r.matches(r.line, re)
			return truth(ok), err
		}, nil
	}
	switch token := a.token; {
	case token == "":
		a.fail()
	case a.accept("("):
		noGT, noIn := a.noGT, a.noIn
		a.noGT, a.noIn = false, false
		e := a.expr()
		if a.accept(",") { // (i, j) in array
			second := a.expr()
			e = both(e, second, func(r *awkRun, x, y awkValue) (awkValue, error) {
				return str(x.String() + r.vars["SUBSEP"].String() + y.String()), nil
			})
		}
		a.need(")")
		a.noGT, a.noIn = noGT, noIn
		return e, nil
	case a.accept("$"):
		e, _ := a.primary()
		index := func(r *awkRun) (int, error) {
			v, err := e(r)
			return int(v.Number()), err
		}
		return func(r *awkRun) (awkValue, error) {
				n, err := index(r)
				return r.field(n), err
			}, func(r *awkRun, v awkValue) error {
				n, err := index(r)
				if err != nil {
					return err
				}
				return r.setField(n, v)
			}
	case token[0] == '"':
		a.next()
		v := str(unescape(token[1 : len(token)-1]))
		return func(*awkRun) (awkValue, error) { return v, nil }, nil
	case token[0] >= '0' && token[0] <= '9' || token[0] == '.':
		a.next()
		f, err := strconv.ParseFloat(token, 64)
		if err != nil {
			a.fail()
		}
		return func(*awkRun) (awkValue, error) { return num(f), nil }, nil
	case awkFunctions[token] != nil:
		return a.call(a.next()), nil
	case awkName.MatchString(token):
		return a.variable(a.next())
	}
	a.fail()
	return nil, nil
}

func (a *awkParser) variable(name string) (awkExpr, awkPlace) {
	if slices.Contains([]string{"getline", "function", "func", "in", "else", "do", "return"}, name) || a.is("(") {
		panic(awkError{"demarc's awk has no " + name})
	}
	if !a.is("[") {
		return func(r *awkRun) (awkValue, error) {
			v, ok := r.vars[name]
			if !ok {
				v = awkValue{input: true}
			}
			return v, nil
		}, func(r *awkRun, v awkValue) error { return r.set(name, v) }
	}
	key := a.subscript()
	return func(r *awkRun) (awkValue, error) {
			k, err := key(r)
			v, ok := r.arrays[name][k.String()]
			if !ok {
				v = awkValue{input: true}
			}
			return v, err
		}, func(r *awkRun, v awkValue) error {
			k, err := key(r)
			if err == nil {
				err = r.grow(len(v.text) + len(k.String()) + 4*lineSize)
			}
			if err != nil {
				return err
			}
			if r.arrays[name] == nil {
				r.arrays[name] = map[string]awkValue{}
			}
			r.arrays[name][k.String()] = v
			return nil
		}
}

// subscript reads [i] and [i, j].
func (a *awkParser) subscript() awkExpr {
	a.need("[")
	e := a.expr()
	for a.accept(",") {
		e = both(e, a.expr(), func(r *awkRun, x, y awkValue) (awkValue, error) {
			return str(x.String() + r.vars["SUBSEP"].String() + y.String()), nil
		})
	}
	a.need("]")
	return e
}
