package script

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"demarc/scenarios/script/celtype"
	"demarc/sim/api"
	"demarc/sim/fault"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// checkCondition expects a CEL expression to be true.
type checkCondition struct {
	text string
	expr *expression
}

// expression is a compiled check and what it looks at.
type expression struct {
	ast     *cel.Ast
	program cel.Program
	// variables are those that it names.
	variables []variable
	// traffic are the names of traffic; anyTraffic says that it goes through
	// all of them.
	traffic    []string
	anyTraffic bool
	// watches are the names of watches.
	watches []string
	// judged says that it names a field of the judgement of incidents.
	judged bool
	// objects are the kinds and names of object(…).
	objects []objectRef
}

// objectRef is a call of object(…) with a literal apiVersion and kind.
type objectRef struct {
	gvk schema.GroupVersionKind
	id  int64
}

// readCheck reads check 'EXPRESSION' and check FILE.cel.
func (p *parser) readCheck(words []word) condition {
	if len(words) == 1 {
		p.problem(words[0].at(len("check")), "", "check needs a CEL expression in quotes, or the name of a section that ends in .cel")
		return nil
	}
	w := words[1]
	if len(words) > 2 {
		p.problem(words[2].col, "", "put the whole expression in quotes: check 'traffic.shop.failed == 0'")
		return nil
	}
	text, line, col := w.text, p.line, w.at(0)
	if w.quotedAt < 0 && strings.HasSuffix(w.text, ".cel") {
		s := p.section(w)
		if s == nil {
			return nil
		}
		text, line, col = strings.TrimRight(s.text, "\n"), s.marker+1, 1
	} else {
		p.checkNodeRefsIn(text, line, col)
	}
	e := p.compileCheck(text, line, col)
	if e == nil {
		return nil
	}
	return checkCondition{text: text, expr: e}
}

// compileCheck compiles an expression that begins at a place, and reports what
// is wrong with it.
func (p *parser) compileCheck(text string, line, col int) *expression {
	env, err := celEnv()
	if err != nil {
		p.problemAt(line, col, "", "CEL: %v", err)
		return nil
	}
	compiled, issues := env.Compile(text)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			l, c := line+e.Location.Line()-1, e.Location.Column()+1
			if e.Location.Line() <= 1 {
				c += col - 1
			}
			if noField.MatchString(e.Message) {
				c++ // CEL points to the dot
			}
			message, suggestion := explainCEL(e.Message)
			p.problemAt(max(l, line), max(c, 1), suggestion, "%s", message)
		}
		return nil
	}
	if t := compiled.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		p.problemAt(line, col, "", "a check must be true or false, and this is %s", t)
		return nil
	}
	e := &expression{ast: compiled}
	e.collect()
	ok := p.checkReferences(e, line, col)
	if e.program, err = checkProgram(env, compiled, cel.EvalOptions(cel.OptOptimize)); err != nil {
		p.problemAt(line, col, "", "CEL: %v", err)
		return nil
	}
	if !ok {
		return nil
	}
	return e
}

// checkReferences checks what types do not tell: that traffic and watches were
// started and that the kinds of objects exist.
func (p *parser) checkReferences(e *expression, line, col int) bool {
	before := len(p.problems)
	info := e.ast.NativeRep().SourceInfo()
	place := func(id int64) (int, int) {
		at := info.GetStartLocation(id)
		if at.Line() <= 1 {
			return line, col + max(at.Column(), 0)
		}
		return line + at.Line() - 1, at.Column() + 1
	}
	started := func(what, variable string, names []string, lines map[string]int) {
		for _, name := range names {
			if _, ok := lines[name]; !ok {
				l, c := place(e.memberID(variable, name))
				p.problemAt(l, c+1, fault.Suggest(name, slices.Sorted(maps.Keys(lines))), "no %s %s was started before this line", what, name)
			}
		}
	}
	started("traffic", "traffic", e.traffic, p.traffic)
	started("watch", "watches", e.watches, p.watches)
	for _, o := range e.objects {
		l, c := place(o.id)
		if o.gvk.Kind == "" {
			p.problemAt(l, c, "", "the apiVersion and the kind of object(…) must be literals, such as 'apps/v1', 'Deployment'")
		} else if message, _, suggestion := checkKind(o.gvk.GroupVersion(), o.gvk.Kind); message != "" {
			p.problemAt(l, c, suggestion, "%s", message)
		}
	}
	return len(p.problems) == before
}

// memberID finds where a member of a map is first named.
func (e *expression) memberID(variable, name string) int64 {
	id := int64(0)
	ast.PreOrderVisit(e.ast.NativeRep().Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if n, ok := memberName(x, variable); ok && n == name && id == 0 {
			id = x.ID()
		}
	}))
	return id
}

// memberName is NAME if an expression is VARIABLE.NAME or VARIABLE['NAME'].
func memberName(x ast.Expr, variable string) (string, bool) {
	isVariable := func(o ast.Expr) bool { return o.Kind() == ast.IdentKind && o.AsIdent() == variable }
	switch x.Kind() {
	case ast.SelectKind:
		if isVariable(x.AsSelect().Operand()) {
			return x.AsSelect().FieldName(), true
		}
	case ast.CallKind:
		c := x.AsCall()
		if len(c.Args()) == 2 && strings.HasPrefix(c.FunctionName(), "_[") && isVariable(c.Args()[0]) {
			if s, ok := literal(c.Args()[1]); ok {
				return s, true
			}
		}
	}
	return "", false
}

func literal(x ast.Expr) (string, bool) {
	if x.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := x.AsLiteral().Value().(string)
	return s, ok
}

// collect notes what the expression names.
func (e *expression) collect() {
	named, all := 0, 0
	known, judgement := variables(), celtype.JSONFields(reflect.TypeFor[api.Judgement]())
	ast.PreOrderVisit(e.ast.NativeRep().Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if name, ok := memberName(x, "traffic"); ok {
			named++
			if !slices.Contains(e.traffic, name) {
				e.traffic = append(e.traffic, name)
			}
		}
		if name, ok := memberName(x, "watches"); ok && !slices.Contains(e.watches, name) {
			e.watches = append(e.watches, name)
		}
		switch x.Kind() {
		case ast.IdentKind:
			name := x.AsIdent()
			if name == "traffic" {
				all++
			}
			isThis := func(v variable) bool { return v.name == name }
			if i := slices.IndexFunc(known, isThis); i >= 0 && !slices.ContainsFunc(e.variables, isThis) {
				e.variables = append(e.variables, known[i])
			}
		case ast.SelectKind:
			e.judged = e.judged || slices.ContainsFunc(judgement, func(f celtype.Field) bool { return f.Name == x.AsSelect().FieldName() })
		case ast.CallKind:
			if x.AsCall().FunctionName() == lookupFunc {
				e.objects = append(e.objects, objectOf(x))
			}
		}
	}))
	e.anyTraffic = all > named
}

func objectOf(x ast.Expr) objectRef {
	args := x.AsCall().Args()
	o := objectRef{id: x.ID()}
	apiVersion, ok1 := literal(args[1])
	kind, ok2 := literal(args[2])
	gv, err := schema.ParseGroupVersion(apiVersion)
	if ok1 && ok2 && err == nil {
		o.gvk = gv.WithKind(kind)
	}
	return o
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']+)'`)
	noField    = regexp.MustCompile(`^undefined field '([^']+)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '_?([^']+?)_?' applied to '(.+)'$`)
)

// explainCEL puts a message of the CEL compiler in our words, with a
// suggestion if one is near.
func explainCEL(message string) (said, suggestion string) {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return "unknown name " + m[1], fault.Suggest(m[1], append(variableNames(), "size", "has", "object", "matches", "timestamp", "duration"))
	}
	if m := noField.FindStringSubmatch(message); m != nil {
		return "unknown field " + m[1], fault.Suggest(m[1], fieldNames())
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		said = m[1] + " cannot be applied to " + strings.ReplaceAll(m[2], "((", "(")
		if strings.Contains(m[2], "double, int") || strings.Contains(m[2], "int, double") {
			said += "; write the number with a point, such as 1.0"
		}
		return said, ""
	}
	return message, ""
}
