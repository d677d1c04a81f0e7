package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"demarc/scenarios/script"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types/ref"
	"google.golang.org/protobuf/types/known/structpb"
)

// parts lists the parts of a check with their values, each on a line of its
// own, so that a reader sees why it is true or false.
func (b *Evaluation) parts(vars *activation) string {
	w := partsWriter{check: b, vars: vars}
	w.visit(b.ast.NativeRep().Expr())
	for _, name := range b.traffic {
		t := b.tally(vars.view, name)
		w.lines = append(w.lines, fmt.Sprintf("traffic %s: sent %d, failed %d%s", name, t.Sent, t.Failed, reasonsText(t.Reasons)))
	}
	if len(w.lines) == 0 {
		return ""
	}
	return "\n" + strings.Join(w.lines, "\n")
}

// reasonsText writes reasons of failures, the most frequent first.
func reasonsText(reasons map[string]int64) string {
	if len(reasons) == 0 {
		return ""
	}
	names := slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(reasons[b], reasons[a]), strings.Compare(a, b))
	})
	return ": " + strings.Join(script.Convert(names, func(name string) string { return fmt.Sprintf("%s %d", name, reasons[name]) }), ", ")
}

type partsWriter struct {
	check *Evaluation
	vars  *activation
	lines []string
}

// visit goes down through and, or, not and comparisons; anything else is a
// part.
func (w *partsWriter) visit(x ast.Expr) {
	if x.Kind() == ast.LiteralKind || x.Kind() == ast.ListKind {
		return
	}
	if x.Kind() == ast.CallKind {
		switch x.AsCall().FunctionName() {
		case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot,
			operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals,
			operators.Greater, operators.GreaterEquals, operators.In:
			for _, arg := range x.AsCall().Args() {
				w.visit(arg)
			}
			return
		}
	}
	w.part(x)
}

// part evaluates one part. For all(…) over a list it names the items for which
// the condition is not true.
func (w *partsWriter) part(x ast.Expr) {
	info := w.check.ast.NativeRep().SourceInfo()
	text, err := cel.ExprToString(x, info)
	if err != nil {
		return
	}
	value, ok := w.eval(text)
	line := text + " = " + value
	if !ok {
		line = text + ": " + value
	}
	if !slices.Contains(w.lines, line) {
		w.lines = append(w.lines, line)
	}
	if m, isMacro := info.GetMacroCall(x.ID()); isMacro && value == "false" {
		w.counterexamples(m.AsCall())
	}
}

// counterexamples lists the items that break an all(…).
func (w *partsWriter) counterexamples(m ast.CallExpr) {
	if m.FunctionName() != operators.All || len(m.Args()) != 2 || !m.IsMemberFunction() {
		return
	}
	info := w.check.ast.NativeRep().SourceInfo()
	var text [3]string
	for i, x := range []ast.Expr{m.Target(), m.Args()[0], m.Args()[1]} {
		s, err := cel.ExprToString(x, info)
		if err != nil {
			return
		}
		text[i] = s
	}
	found, ok := w.eval(fmt.Sprintf("(%s).filter(%s, !(%s))", text[0], text[1], text[2]))
	if ok {
		w.lines = append(w.lines, "  not true for: "+found)
	}
}

// eval evaluates a part of the check on its own.
func (w *partsWriter) eval(text string) (string, bool) {
	env, err := celEnv()
	if err != nil {
		return err.Error(), false
	}
	compiled, issues := env.Compile(text)
	if issues.Err() != nil {
		return "cannot be shown", false
	}
	program, err := checkProgram(env, compiled)
	if err != nil {
		return err.Error(), false
	}
	v, _, err := program.Eval(w.vars)
	if err != nil {
		return err.Error(), false
	}
	return formatValue(v), true
}

// formatValue writes a value in a line; of Kubernetes objects and of long lists
// what tells them apart.
func formatValue(v ref.Val) string {
	native, err := v.ConvertToNative(valueType)
	if err != nil {
		return shorten(fmt.Sprint(v.Value()))
	}
	raw, err := json.Marshal(summarise(native.(*structpb.Value).AsInterface()))
	if err != nil {
		return shorten(fmt.Sprint(v.Value()))
	}
	return shorten(string(raw))
}

// summarise replaces Kubernetes objects by their names and cuts lists and texts
// short.
func summarise(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for i, item := range v {
			if i == 5 {
				return append(out, fmt.Sprintf("… and %d more", len(v)-i))
			}
			out = append(out, summarise(item))
		}
		return out
	case map[string]any:
		if m, ok := v["metadata"].(map[string]any); ok {
			status, _ := v["status"].(map[string]any)
			s := strings.Trim(fmt.Sprint(or(v["kind"], ""), " ", or(m["namespace"], ""), "/", or(m["name"], "")), " /")
			if phase, ok := status["phase"].(string); ok {
				s += " (" + phase + ")"
			}
			return s
		}
		for key, value := range v {
			if text, ok := value.(string); ok && len(text) > maxFieldText {
				v[key] = strings.ToValidUTF8(text[:maxFieldText], "") + "…"
			}
		}
	}
	return v
}

// maxFieldText is how much is shown of a text that is one of several fields.
const maxFieldText = 100

func or(v, otherwise any) any {
	if v == nil {
		return otherwise
	}
	return v
}

func shorten(s string) string {
	if len(s) > 400 {
		return strings.ToValidUTF8(s[:397], "") + "…"
	}
	return s
}

// valueType is JSON's any in protocol buffers, to which CEL converts.
var valueType = reflect.TypeFor[*structpb.Value]()
