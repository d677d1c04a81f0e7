package check

import (
	"reflect"
	"strings"
	"sync"

	"demarc/scenarios/script"
	"demarc/scenarios/script/celtype"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
	"k8s.io/apiserver/pkg/cel/library"
)

// objectsVar holds the objects that the function object can return; lookupFunc
// is what the macro object(…) becomes.
const (
	objectsVar = "@objects"
	lookupFunc = "@object"
)

// celEnv is the environment in which checks are compiled.
var celEnv = sync.OnceValues(func() (*cel.Env, error) {
	types, err := Types()
	if err != nil {
		return nil, err
	}
	opts := []cel.EnvOption{
		cel.Variable(objectsVar, cel.MapType(cel.StringType, cel.DynType)),
		cel.CrossTypeNumericComparisons(true),
		cel.EnableMacroCallTracking(),
		cel.OptionalTypes(),
		cel.Macros(cel.GlobalMacro("object", 4, expandObject)),
		cel.Function(lookupFunc, cel.Overload("object_lookup",
			[]*cel.Type{cel.MapType(cel.StringType, cel.DynType), cel.StringType, cel.StringType, cel.StringType, cel.StringType},
			cel.DynType, cel.FunctionBinding(lookupObject))),
		ext.Strings(), ext.Math(), ext.Sets(),
		library.Lists(), library.Regex(), library.Quantity(), library.URLs(), library.IP(), library.CIDR(),
		types.Option(), // behind the libraries: what it provides takes no further types
	}
	for _, v := range Variables() {
		opts = append(opts, cel.Variable(v.Name, celtype.Of(v.Type)))
	}
	return cel.NewEnv(opts...)
})

// checkCost bounds one evaluation of a check, in CEL's units of cost: some three
// seconds of work. It is Kubernetes' own bound for the rules of one object.
const checkCost = 10_000_000

// checkProgram makes a compiled check ready to be evaluated, at a bounded cost.
func checkProgram(env *cel.Env, compiled *cel.Ast, opts ...cel.ProgramOption) (cel.Program, error) {
	return env.Program(compiled, append(opts, cel.CostTracking(&library.CostEstimator{}), cel.CostLimit(checkCost))...)
}

// expandObject turns object(apiVersion, kind, namespace, name) into a look-up.
func expandObject(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	return f.NewCall(lookupFunc, append([]ast.Expr{f.NewIdent(objectsVar)}, args...)...), nil
}

// lookupObject finds an object, or returns null.
func lookupObject(args ...ref.Val) ref.Val {
	key := make([]string, 4)
	for i := range key {
		s, ok := args[i+1].(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(args[i+1])
		}
		key[i] = string(s)
	}
	objects, ok := args[0].(traits.Mapper)
	if !ok {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	if v, ok := objects.Find(types.String(strings.Join(key, " "))); ok {
		return v
	}
	return types.NullValue
}

// Types are the structs that checks can see.
var Types = sync.OnceValues(func() (*celtype.Types, error) {
	return celtype.Collect(script.Convert(Variables(), func(v Variable) reflect.Type { return v.Type })...)
})

// variableNames and fieldNames are what checks can name, for suggestions.
func variableNames() []string {
	return script.Convert(Variables(), func(v Variable) string { return v.Name })
}

func fieldNames() []string {
	var names []string
	if types, err := Types(); err == nil {
		for _, t := range types.Structs {
			names = append(names, script.Convert(celtype.JSONFields(t), celtype.Field.CELName)...)
		}
	}
	return names
}
