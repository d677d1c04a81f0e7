package shell

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"demarc/nodes/shell/guard"
)

// awkFunction is a function of AWK's, of the values of its arguments.
type awkFunction func(r *awkRun, v []awkValue) (awkValue, error)

// awkFunctions are AWK's own. Those that change a place are made by [awkParser.call].
var awkFunctions map[string]awkFunction

func init() {
	of := func(f func(float64) float64) awkFunction {
		return func(_ *awkRun, v []awkValue) (awkValue, error) { return num(f(first(v).Number())), nil }
	}
	awkFunctions = map[string]awkFunction{
		"int": of(math.Trunc), "sqrt": of(math.Sqrt), "exp": of(math.Exp), "log": of(math.Log), "sin": of(math.Sin), "cos": of(math.Cos),
		"rand": of(func(float64) float64 { return 0.5 }), "srand": of(func(float64) float64 { return 0 }),
		"length": func(r *awkRun, v []awkValue) (awkValue, error) {
			if len(v) == 0 {
				return num(float64(utf8.RuneCountInString(r.line))), nil
			}
			return num(float64(utf8.RuneCountInString(v[0].String()))), nil
		},
		"tolower": func(_ *awkRun, v []awkValue) (awkValue, error) { return str(strings.ToLower(first(v).String())), nil },
		"toupper": func(_ *awkRun, v []awkValue) (awkValue, error) { return str(strings.ToUpper(first(v).String())), nil },
		"index": func(_ *awkRun, v []awkValue) (awkValue, error) {
			if len(v) < 2 {
				return num(0), nil
			}
			return num(float64(1 + strings.Index(v[0].String(), v[1].String()))), nil
		},
		"substr":  substr,
		"sprintf": func(_ *awkRun, v []awkValue) (awkValue, error) { s, err := awkFormat(v); return str(s), err },
		"match": func(r *awkRun, v []awkValue) (awkValue, error) {
			if len(v) < 2 {
				return num(0), nil
			}
			ok, err := r.matches(v[0].String(), v[1].String())
			at := []int{-1, -2}
			if re, err := r.regexp(v[1].String()); err == nil && ok {
				at = re.FindStringIndex(v[0].String())
			}
			r.vars["RSTART"], r.vars["RLENGTH"] = num(float64(at[0]+1)), num(float64(at[1]-at[0]))
			return r.vars["RSTART"], err
		},
		"system": func(r *awkRun, v []awkValue) (awkValue, error) {
			return num(float64(r.c.Shell.Script(r.ctx, first(v).String(), nil, r.c.Streams))), nil
		},
		"close": func(*awkRun, []awkValue) (awkValue, error) { return num(0), nil }, "fflush": func(*awkRun, []awkValue) (awkValue, error) { return num(0), nil },
		"sub": nil, "gsub": nil, "split": nil,
	}
	for _, name := range []string{"sub", "gsub", "split"} {
		awkFunctions[name] = func(*awkRun, []awkValue) (awkValue, error) { return num(0), nil }
	}
}

func first(v []awkValue) awkValue {
	if len(v) == 0 {
		return awkValue{}
	}
	return v[0]
}

func substr(_ *awkRun, v []awkValue) (awkValue, error) {
	if len(v) < 2 {
		return str(""), nil
	}
	text := []rune(v[0].String())
	from, to := math.Round(v[1].Number()), float64(len(text)+1)
	if len(v) > 2 {
		to = min(to, from+math.Round(v[2].Number()))
	}
	from = max(from, 1)
	if !(from < to) { // also of what is no number
		return str(""), nil
	}
	return str(string(text[int(from)-1 : int(to)-1])), nil
}

// call reads the arguments of a function.
func (a *awkParser) call(name string) awkExpr {
	if !a.is("(") {
		if name != "length" {
			a.fail()
		}
		return func(r *awkRun) (awkValue, error) { return awkFunctions[name](r, nil) }
	}
	a.next()
	noGT := a.noGT
	a.noGT = false
	defer func() { a.noGT = noGT }()
	switch name {
	case "split":
		return a.split()
	case "sub", "gsub":
		return a.substitute(name == "gsub")
	}
	var list []awkExpr
	for !a.is(")") {
		if re, ok := a.regexp(); ok {
			list = append(list, func(*awkRun) (awkValue, error) { return str(re), nil })
		} else {
			list = append(list, a.expr())
		}
		if !a.is(")") {
			a.need(",")
		}
	}
	a.next()
	f := awkFunctions[name]
	return func(r *awkRun) (awkValue, error) {
		v, err := r.values(list)
		if err != nil {
			return awkValue{}, err
		}
		return f(r, v)
	}
}

// split reads split(text, array, separator).
func (a *awkParser) split() awkExpr {
	text := a.expr()
	a.need(",")
	array := a.next()
	var sep awkExpr
	if a.accept(",") {
		sep = a.pattern(awkOr)
	}
	a.need(")")
	return func(r *awkRun) (awkValue, error) {
		v, err := text(r)
		by := r.vars["FS"]
		if err == nil && sep != nil {
			by, err = sep(r)
		}
		if err != nil {
			return v, err
		}
		parts := r.split(v.String(), by.String())
		into := map[string]awkValue{}
		for i, p := range parts {
			if err := r.grow(len(p) + 4*lineSize); err != nil {
				return v, err
			}
			into[strconv.Itoa(i+1)] = input(p)
		}
		r.arrays[array] = into
		return num(float64(len(parts))), nil
	}
}

// substitute reads sub(pattern, by, place).
func (a *awkParser) substitute(all bool) awkExpr {
	pattern := a.pattern(awkOr)
	a.need(",")
	by := a.expr()
	text, place := awkExpr(func(r *awkRun) (awkValue, error) { return r.field(0), nil }), awkPlace(func(r *awkRun, v awkValue) error { return r.setField(0, v) })
	if a.accept(",") {
		if text, place = a.operand(awkUnary); place == nil {
			a.fail()
		}
	}
	a.need(")")
	return func(r *awkRun) (awkValue, error) {
		values, err := r.values([]awkExpr{pattern, by, text})
		if err != nil {
			return awkValue{}, err
		}
		old := values[2].String()
		if ok, err := r.matches(old, values[0].String()); err != nil || !ok {
			return num(0), err
		}
		re, err := r.regexp(values[0].String())
		if err != nil {
			return num(0), err
		}
		e := edit{re: re, by: awkReplacement(values[1].String()), global: all}
		n := 1
		if all {
			n = len(re.FindAllStringIndex(old, maxMatches))
		}
		if !e.substitute(&old) {
			return num(0), fmt.Errorf("substitution: %w", guard.ErrMemory)
		}
		return num(float64(n)), place(r, str(old))
	}
}

// awkReplacement is a replacement in which & is what was found, as package regexp has it.
func awkReplacement(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '&':
			b.WriteByte('&')
			i++
		case s[i] == '&':
			b.WriteString("${0}")
		case s[i] == '$':
			b.WriteString("$$")
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
