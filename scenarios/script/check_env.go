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

// The types that checks see. Times are seconds since the cluster was ready.
type (
	celTraffic struct {
		Sent      int64            `cel:"sent"`
		Succeeded int64            `cel:"succeeded"`
		Failed    int64            `cel:"failed"`
		Success   float64          `cel:"success"`
		Reasons   map[string]int64 `cel:"reasons"`
		Backends  map[string]int64 `cel:"backends"`
		Last      celResult        `cel:"last"`
	}
	celResult struct {
		Time    float64 `cel:"time"`
		Latency float64 `cel:"latency"`
		Status  int64   `cel:"status"`
		Reason  string  `cel:"reason"`
		Backend string  `cel:"backend"`
	}
	celComponent struct {
		Name    string  `cel:"name"`
		State   string  `cel:"state"`
		Healthy bool    `cel:"healthy"`
		Message string  `cel:"message"`
		Since   float64 `cel:"since"`
		Starts  int64   `cel:"starts"`
	}
	celMachine struct {
		Name       string `cel:"name"`
		Power      string `cel:"power"`
		Kubelet    string `cel:"kubelet"`
		Network    string `cel:"network"`
		Containers int64  `cel:"containers"`
	}
	celContainer struct {
		Node       string  `cel:"node"`
		Namespace  string  `cel:"namespace"`
		Pod        string  `cel:"pod"`
		Name       string  `cel:"name"`
		Image      string  `cel:"image"`
		State      string  `cel:"state"`
		Ready      bool    `cel:"ready"`
		Restarts   int64   `cel:"restarts"`
		ExitCode   int64   `cel:"exitCode"`
		Reason     string  `cel:"reason"`
		StartedAt  float64 `cel:"startedAt"`
		FinishedAt float64 `cel:"finishedAt"`
	}
	celEvent struct {
		Seq     int64   `cel:"seq"`
		Time    float64 `cel:"time"`
		Actor   string  `cel:"actor"`
		Verb    string  `cel:"verb"`
		Subject string  `cel:"subject"`
		Message string  `cel:"message"`
		Cause   int64   `cel:"cause"`
	}
	celIncident struct {
		ID       string  `cel:"id"`
		Subject  string  `cel:"subject"`
		Owner    string  `cel:"owner"`
		Cause    string  `cel:"cause"`
		Event    int64   `cel:"event"`
		Start    float64 `cel:"start"`
		Detected float64 `cel:"detected"`
		End      float64 `cel:"end"`
		Open     bool    `cel:"open"`
	}
)

// celTypes are the types above, in the order in which the reference has them.
var celTypes = []reflect.Type{
	reflect.TypeFor[celTraffic](), reflect.TypeFor[celResult](), reflect.TypeFor[celComponent](), reflect.TypeFor[celMachine](),
	reflect.TypeFor[celContainer](), reflect.TypeFor[celEvent](), reflect.TypeFor[celIncident](),
}

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
	names := []string{"traffic", "components", "machines", "containers", "timeline", "incidents", "now"}
	for name := range celLists {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// celFields are the names of all fields of the types that checks see.
func celFields() []string {
	var names []string
	for _, t := range celTypes {
		for i := range t.NumField() {
			names = append(names, t.Field(i).Tag.Get("cel"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
