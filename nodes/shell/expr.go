package shell

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// expr is expr(1): |, &, comparisons, + - * / %, :, match, length, substr, index and
// parentheses. Its exit code is 1 if the result is nothing or 0.
func expr(ctx context.Context, c *Call) int {
	e := &formula{c: c, ctx: ctx, words: c.Args}
	v := e.level(0)
	if e.bad == "" && len(e.words) > 0 {
		e.bad = "syntax error"
	}
	if e.bad != "" {
		return c.Quit(2, "expr: %s", e.bad)
	}
	c.Printf("%s\n", v)
	if v == "" || v == "0" {
		return 1
	}
	return 0
}

// formula is what is left of an expression.
type formula struct {
	c     *Call
	ctx   context.Context
	words []string
	bad   string
	depth int
}

// operators are expr's, the loosest first.
var operators = [][]string{{"|"}, {"&"}, {"<", "<=", "=", "==", "!=", ">=", ">"}, {"+", "-"}, {"*", "/", "%"}, {":"}}

func (e *formula) next() string {
	if len(e.words) == 0 {
		return ""
	}
	return e.words[0]
}

func (e *formula) take() string {
	w := e.next()
	if len(e.words) == 0 {
		e.bad = "syntax error"
		return ""
	}
	e.words = e.words[1:]
	return w
}

// level reads operators of one level, and what they are between.
func (e *formula) level(n int) string {
	if n == len(operators) {
		return e.operand()
	}
	v := e.level(n + 1)
	for e.bad == "" && len(e.words) > 0 && slices.Contains(operators[n], e.next()) {
		op := e.take()
		v = e.apply(v, op, e.level(n+1))
	}
	return v
}

func (e *formula) operand() string {
	if e.depth++; e.depth > 1000 {
		e.bad = "syntax error"
	}
	defer func() { e.depth-- }()
	if e.bad != "" {
		return ""
	}
	switch w := e.take(); {
	case w == "(":
		v := e.level(0)
		if e.take() != ")" {
			e.bad = "syntax error"
		}
		return v
	case w == "length" && len(e.words) > 0:
		return strconv.Itoa(utf8.RuneCountInString(e.operand()))
	case w == "match" && len(e.words) > 1:
		text := e.operand()
		return e.match(text, e.operand())
	case w == "substr" && len(e.words) > 2:
		text := []rune(e.operand())
		from, err1 := strconv.Atoi(e.operand())
		n, err2 := strconv.Atoi(e.operand())
		if err1 != nil || err2 != nil || from < 1 || n < 1 || from > len(text) {
			return ""
		}
		return string(text[from-1 : min(from-1+n, len(text))])
	default:
		return w
	}
}

func (e *formula) apply(a, op, b string) string {
	x, err1 := strconv.Atoi(a)
	y, err2 := strconv.Atoi(b)
	numbers := err1 == nil && err2 == nil
	truth := func(t bool) string { return map[bool]string{true: "1", false: "0"}[t] }
	order := strings.Compare(a, b)
	if numbers {
		order = cmp.Compare(x, y)
	}
	switch op {
	case "|":
		if a != "" && a != "0" {
			return a
		}
		return b
	case "&":
		if a != "" && a != "0" && b != "" && b != "0" {
			return a
		}
		return "0"
	case "<":
		return truth(order < 0)
	case "<=":
		return truth(order <= 0)
	case "=", "==":
		return truth(order == 0)
	case "!=":
		return truth(order != 0)
	case ">=":
		return truth(order >= 0)
	case ">":
		return truth(order > 0)
	case ":":
		return e.match(a, b)
	}
	switch {
	case !numbers:
		e.bad = "non-integer argument"
	case (op == "/" || op == "%") && y == 0:
		e.bad = "division by zero"
	case op == "+":
		return strconv.Itoa(x + y)
	case op == "-":
		return strconv.Itoa(x - y)
	case op == "*":
		return strconv.Itoa(x * y)
	case op == "/":
		return strconv.Itoa(x / y)
	default:
		return strconv.Itoa(x % y)
	}
	return ""
}

// match is the first group of a basic expression at the beginning of a text, or the length
// of what fits.
func (e *formula) match(text, pattern string) string {
	re, err := expression([]string{"^" + pattern}, nil)
	if err == nil {
		err = e.c.match(re, []string{text})
	}
	if err != nil {
		e.bad = "Invalid regular expression"
		return ""
	}
	m := re.FindStringSubmatch(text)
	switch {
	case len(m) > 1:
		return m[1]
	case re.NumSubexp() > 0:
		return ""
	case m == nil:
		return "0"
	}
	return strconv.Itoa(utf8.RuneCountInString(m[0]))
}
