package shell

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// print reads print and printf.
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
