package script

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/cel/library"
)

// celLists are the variables that hold all objects of a kind.
var celLists = map[string]schema.GroupVersionKind{
	"pods":                   {Version: "v1", Kind: "Pod"},
	"nodes":                  {Version: "v1", Kind: "Node"},
	"services":               {Version: "v1", Kind: "Service"},
	"events":                 {Version: "v1", Kind: "Event"},
	"configmaps":             {Version: "v1", Kind: "ConfigMap"},
	"namespaces":             {Version: "v1", Kind: "Namespace"},
	"persistentvolumeclaims": {Version: "v1", Kind: "PersistentVolumeClaim"},
	"deployments":            {Group: "apps", Version: "v1", Kind: "Deployment"},
	"replicasets":            {Group: "apps", Version: "v1", Kind: "ReplicaSet"},
	"statefulsets":           {Group: "apps", Version: "v1", Kind: "StatefulSet"},
	"daemonsets":             {Group: "apps", Version: "v1", Kind: "DaemonSet"},
	"jobs":                   {Group: "batch", Version: "v1", Kind: "Job"},
	"endpointslices":         {Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"},
	"leases":                 {Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"},
}

// objectsVar holds the objects that the function object can return; lookupFunc
// is what the macro object(…) becomes.
const (
	objectsVar = "@objects"
	lookupFunc = "@object"
)

// celEnv is the environment in which checks are compiled.
var celEnv = sync.OnceValues(func() (*cel.Env, error) {
	native := []any{ext.ParseStructTag("cel")}
	for _, t := range celTypes {
		native = append(native, t)
	}
	opts := []cel.EnvOption{
		cel.Variable("traffic", cel.MapType(cel.StringType, objectType[celTraffic]())),
		cel.Variable("components", cel.MapType(cel.StringType, objectType[celComponent]())),
		cel.Variable("machines", cel.ListType(objectType[celMachine]())),
		cel.Variable("containers", cel.ListType(objectType[celContainer]())),
		cel.Variable("timeline", cel.ListType(objectType[celEvent]())),
		cel.Variable("incidents", cel.ListType(objectType[celIncident]())),
		cel.Variable("support", objectType[celSupport]()),
		cel.Variable("backups", cel.ListType(objectType[celBackup]())),
		cel.Variable("restores", cel.ListType(objectType[celRestore]())),
		cel.Variable("repairs", cel.ListType(objectType[celRepair]())),
		cel.Variable("operations", cel.ListType(objectType[celOperation]())),
		cel.Variable("cases", cel.ListType(objectType[celCase]())),
		cel.Variable("patches", cel.ListType(objectType[celPatch]())),
		cel.Variable("cves", cel.ListType(objectType[celCVE]())),
		cel.Variable("replicas", cel.ListType(objectType[celReplica]())),
		cel.Variable("features", cel.ListType(objectType[celFeature]())),
		cel.Variable("gates", cel.ListType(objectType[celGate]())),
		cel.Variable("watches", cel.MapType(cel.StringType, objectType[celWatch]())),
		cel.Variable("now", cel.DoubleType),
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
		// Behind the libraries: what it provides takes no further types.
		ext.NativeTypes(native...),
	}
	for name := range celLists {
		opts = append(opts, cel.Variable(name, cel.ListType(cel.DynType)))
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

func objectType[T any]() *cel.Type {
	return cel.ObjectType(reflect.TypeFor[T]().String())
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

// celVariables are the names of all variables.
func celVariables() []string {
	names := []string{
		"traffic", "components", "machines", "containers", "timeline", "incidents", "support", "backups", "restores", "repairs",
		"operations", "cases", "patches", "cves", "replicas", "features", "gates", "watches", "now",
	}
	for name := range celLists {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
