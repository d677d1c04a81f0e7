package check

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"demarc/scenarios/script/celtype"
	"demarc/scenarios/script/kinds"
	"demarc/sim/fault"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

// listedValues is how many values a mistake lists at most.
const listedValues = 12

// shape is what is known of a part of an expression beyond its type in CEL: the Go
// type of what it stands for, and the field it was read from.
type shape struct {
	of     reflect.Type // nil if it is not known
	field  string
	values []string // that it, or an item of it, can have; nil for any
}

// item is the shape of what a list holds, or of a map's values.
func (s shape) item() shape {
	if s.of == nil || s.of.Kind() != reflect.Slice && s.of.Kind() != reflect.Map {
		return shape{}
	}
	return shape{s.of.Elem(), s.field, s.values}
}

// member is the shape of a field of it, or of a value of a map by its key.
func (s shape) member(name string) shape {
	t := s.of
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
	case t.Kind() == reflect.Map:
		return s.item()
	case t.Kind() == reflect.Struct:
		for _, f := range celtype.JSONFields(t) {
			if f.CELName() == name {
				return shape{f.Type, name, slices.Concat(f.Values, kinds.Enum(f.Type))}
			}
		}
	}
	return shape{}
}

// enums finds the comparisons of an expression with values that a field cannot have:
// such a comparison never holds, or always.
type enums struct {
	info   *ast.SourceInfo
	report func(id int64, right int, message, suggestion string)
}

// visit looks at an expression and everything in it. names are the variables of the
// macros around it.
func (v enums) visit(x ast.Expr, names map[string]shape) {
	switch x.Kind() {
	case ast.SelectKind:
		v.visit(x.AsSelect().Operand(), names)
	case ast.CallKind:
		c := x.AsCall()
		if c.IsMemberFunction() {
			v.visit(c.Target(), names)
		}
		for _, arg := range c.Args() {
			v.visit(arg, names)
		}
		v.compared(c, names)
	case ast.ListKind:
		for _, item := range x.AsList().Elements() {
			v.visit(item, names)
		}
	case ast.MapKind:
		for _, entry := range x.AsMap().Entries() {
			v.visit(entry.AsMapEntry().Key(), names)
			v.visit(entry.AsMapEntry().Value(), names)
		}
	case ast.ComprehensionKind:
		c := x.AsComprehension()
		v.visit(c.IterRange(), names)
		in := maps.Clone(names)
		over := v.shapeOf(c.IterRange(), names)
		switch {
		case c.HasIterVar2():
			in[c.IterVar()], in[c.IterVar2()] = shape{}, over.item()
		case over.of != nil && over.of.Kind() == reflect.Map: // its keys
			in[c.IterVar()] = shape{}
		default:
			in[c.IterVar()] = over.item()
		}
		for _, part := range []ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()} {
			v.visit(part, in)
		}
	}
}

// compared looks at a comparison, and at in.
func (v enums) compared(c ast.CallExpr, names map[string]shape) {
	switch c.FunctionName() {
	case operators.Equals, operators.NotEquals:
		a, b := c.Args()[0], c.Args()[1]
		v.among(b, v.shapeOf(a, names))
		v.among(a, v.shapeOf(b, names))
	case operators.In, operators.OldIn:
		one, list := c.Args()[0], c.Args()[1]
		v.among(list, v.shapeOf(one, names))
		v.among(one, v.shapeOf(list, names).item())
	}
}

// among reports literals that are none of the values that a field can have.
func (v enums) among(x ast.Expr, of shape) {
	if of.values == nil {
		return
	}
	if x.Kind() == ast.ListKind {
		for _, item := range x.AsList().Elements() {
			v.among(item, of)
		}
		return
	}
	text, ok := literal(x)
	if !ok || text == "" || slices.Contains(of.values, text) {
		return // a field that may be left out is empty then
	}
	said := "there are " + strings.Join(of.values, ", ")
	if n := len(of.values); n > listedValues {
		said = fmt.Sprintf("demarc help checks lists the %d that there are", n)
	}
	v.report(x.ID(), 0, strconv.Quote(text)+" is no value of "+of.field+": "+said, fault.Suggest(text, of.values))
}

// shapeOf is what is known of an expression.
func (v enums) shapeOf(x ast.Expr, names map[string]shape) shape {
	switch x.Kind() {
	case ast.IdentKind:
		if s, ok := names[x.AsIdent()]; ok {
			return s
		}
		return variableShape(x.AsIdent())
	case ast.SelectKind:
		if !x.AsSelect().IsTestOnly() {
			return v.shapeOf(x.AsSelect().Operand(), names).member(x.AsSelect().FieldName())
		}
	case ast.CallKind:
		return v.shapeOfCall(x, names)
	case ast.ComprehensionKind:
		if macro, ok := v.info.GetMacroCall(x.ID()); ok && macro.AsCall().FunctionName() == operators.Filter {
			return v.shapeOf(x.AsComprehension().IterRange(), names)
		}
	}
	return shape{}
}

// shapeOfCall is what is known of a call: of an index, of an optional field, of an
// object that is looked up.
func (v enums) shapeOfCall(x ast.Expr, names map[string]shape) shape {
	c := x.AsCall()
	switch c.FunctionName() {
	case operators.Index, operators.OptIndex:
		of := v.shapeOf(c.Args()[0], names)
		if key, ok := literal(c.Args()[1]); ok {
			return of.member(key)
		}
		return of.item()
	case operators.OptSelect:
		if name, ok := literal(c.Args()[1]); ok {
			return v.shapeOf(c.Args()[0], names).member(name)
		}
	case "orValue", "value", "first", "last":
		if c.IsMemberFunction() {
			of := v.shapeOf(c.Target(), names)
			if strings.HasSuffix(c.FunctionName(), "st") {
				return of.item()
			}
			return of
		}
	case lookupFunc:
		return shape{of: kinds.GoType(objectOf(x).gvk)}
	}
	return shape{}
}

// variableShape is the shape of a variable of checks.
func variableShape(name string) shape {
	i := slices.IndexFunc(Variables(), func(v Variable) bool { return v.Name == name })
	if i < 0 {
		return shape{}
	}
	v := Variables()[i]
	if v.Doc != "" {
		return shape{of: v.Type}
	}
	if t := kinds.GoType(v.needs.Kinds[0]); t != nil {
		return shape{of: reflect.SliceOf(t)}
	}
	return shape{}
}
