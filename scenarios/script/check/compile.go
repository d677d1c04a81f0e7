// Package check is the language of checks: CEL, whose variables are the table in
// variables.go. [Compile] finds every mistake of an expression, and [Expression.In]
// evaluates it in a [World].
package check

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"demarc/scenarios/script"
	"demarc/scenarios/script/celtype"
	"demarc/scenarios/script/kinds"
	"demarc/sim/api"
	"demarc/sim/fault"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Expression is a compiled check and what it looks at.
type Expression struct {
	ast     *cel.Ast
	program cel.Program
	// variables are those that it names.
	variables []Variable
	// traffic are the names of traffic; anyTraffic says that it goes through
	// all of them, as the account does.
	traffic    []string
	anyTraffic bool
	// watches and outputs are the names of watches and outputs.
	watches, outputs []string
	// components are the names of components.
	components []string
	// judged says that it names a field of the judgement of incidents.
	judged bool
	// objects are the kinds and names of object(…).
	objects []objectRef
}

// objectRef is a call of object(…) with a literal apiVersion and kind.
type objectRef struct {
	gvk             schema.GroupVersionKind
	namespace, name string // empty if they are no literals
	id              int64
}

// Known is what a check can be about beside the cluster.
type Known struct {
	// Traffic and Watches are the names of those that were started, and Outputs of those
	// that were kept.
	Traffic, Watches, Outputs []string
	// Misspelt says that nothing makes an object, and the name that was probably meant;
	// both are empty if there may be such an object.
	Misspelt func(gvk schema.GroupVersionKind, namespace, name string) (message, suggestion string)
}

// Mistake is what is wrong with an expression, at a line and a column from 1. One
// that stands nowhere in it has a column below 1.
type Mistake struct {
	Line, Column        int
	Message, Suggestion string
}

// Compile compiles an expression, or says what is wrong with it.
func Compile(text string) (*Expression, []Mistake) {
	whole := func(message string) []Mistake { return []Mistake{{Line: 1, Column: 1, Message: message}} }
	env, err := celEnv()
	if err != nil {
		return nil, whole("CEL: " + err.Error())
	}
	compiled, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, script.Convert(issues.Errors(), mistakeOf)
	}
	if t := compiled.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, whole("a check must be true or false, and this is " + t.String())
	}
	e := &Expression{ast: compiled}
	e.collect()
	if e.program, err = checkProgram(env, compiled, cel.EvalOptions(cel.OptOptimize)); err != nil {
		return nil, whole("CEL: " + err.Error())
	}
	return e, nil
}

// mistakeOf is an error of the CEL compiler.
func mistakeOf(e *cel.Error) Mistake {
	m := Mistake{Line: e.Location.Line(), Column: e.Location.Column() + 1}
	if noField.MatchString(e.Message) {
		m.Column++ // CEL points to the dot
	}
	m.Message, m.Suggestion = explainCEL(e.Message)
	return m
}

// Mistakes are what types do not tell: names of traffic and watches that are not
// among those that were started, components and kinds of objects that do not exist, and values that
// a field never has.
func (e *Expression) Mistakes(known Known) []Mistake {
	var found []Mistake
	mistake := func(id int64, right int, message, suggestion string) {
		at := e.ast.NativeRep().SourceInfo().GetStartLocation(id)
		found = append(found, Mistake{Line: at.Line(), Column: max(at.Column(), 0) + 1 + right, Message: message, Suggestion: suggestion})
	}
	for _, x := range []struct {
		what, variable string
		named, started []string
	}{
		{"traffic %s was started", "traffic", e.traffic, known.Traffic}, {"watch %s was started", "watches", e.watches, known.Watches},
		{"output was kept as=%s", "outputs", e.outputs, known.Outputs},
	} {
		for _, name := range x.named {
			if !slices.Contains(x.started, name) {
				mistake(e.memberID(x.variable, name), 1, "no "+fmt.Sprintf(x.what, name)+" before this line", fault.Suggest(name, x.started))
			}
		}
	}
	for _, name := range e.components {
		if one, _, _ := strings.Cut(name, "/"); !slices.Contains(fault.Components(), one) {
			message := "there is no component " + name + ": there are " + strings.Join(fault.Components(), ", ")
			mistake(e.memberID("components", name), 1, message, fault.Suggest(name, fault.Components()))
		}
	}
	for _, o := range e.objects {
		if o.gvk.Kind == "" {
			mistake(o.id, 0, "the apiVersion and the kind of object(…) must be literals, such as 'apps/v1', 'Deployment'", "")
		} else if message, _, suggestion := kinds.Check(o.gvk.GroupVersion(), o.gvk.Kind); message != "" {
			mistake(o.id, 0, message, suggestion)
		} else if o.name != "" && known.Misspelt != nil {
			if message, suggestion := known.Misspelt(o.gvk, o.namespace, o.name); message != "" {
				mistake(o.id, 0, message, suggestion)
			}
		}
	}
	enums{e.ast.NativeRep().SourceInfo(), mistake}.visit(e.ast.NativeRep().Expr(), map[string]shape{})
	return found
}

// memberID finds where a member of a map is first named.
func (e *Expression) memberID(variable, name string) int64 {
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
func (e *Expression) collect() {
	named, all := 0, 0
	known, judgement := Variables(), celtype.JSONFields(reflect.TypeFor[api.Judgement]())
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
		if name, ok := memberName(x, "components"); ok && !slices.Contains(e.components, name) {
			e.components = append(e.components, name)
		}
		if name, ok := memberName(x, "outputs"); ok && !slices.Contains(e.outputs, name) {
			e.outputs = append(e.outputs, name)
		}
		switch x.Kind() {
		case ast.IdentKind:
			name := x.AsIdent()
			if name == "traffic" || name == accountVar {
				all++
			}
			isThis := func(v Variable) bool { return v.Name == name }
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
	o.namespace, _ = literal(args[3])
	o.name, _ = literal(args[4])
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
		others := slices.DeleteFunc(fieldNames(), func(name string) bool { return name == m[1] }) // of another type
		return "unknown field " + m[1], fault.Suggest(m[1], others)
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
