// Package celtype shows Go values to CEL as they are: a struct is an object whose
// fields have their JSON names, a time is a number of seconds since some moment,
// and a duration a number of seconds. A field whose JSON name ends in Seconds goes
// without that.
package celtype

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"demarc/sim/api"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

// Field is a field of a struct by its name in JSON.
type Field struct {
	Name string
	Type reflect.Type
	// Values are what the field, or an item of it, can be; nil for anything.
	Values []string
	index  []int
}

var fieldCache sync.Map // reflect.Type -> []Field

// JSONFields are the fields of a struct that JSON has; those of embedded structs
// are among them, but for what Go hides behind a name that is embedded less deeply.
func JSONFields(t reflect.Type) []Field {
	if known, ok := fieldCache.Load(t); ok {
		return known.([]Field)
	}
	var fields []Field
	for _, f := range reflect.VisibleFields(t) {
		if name := jsonName(f); name != "" && name != "-" && f.IsExported() && isInlined(t, f.Index) {
			fields = append(fields, Field{Name: name, Type: f.Type, Values: api.Enum(f.Tag.Get("enum")), index: f.Index})
		}
	}
	fieldCache.Store(t, fields)
	return fields
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// isInlined says whether a field is in no embedded struct that has a name in JSON.
func isInlined(t reflect.Type, index []int) bool {
	for n := 1; n < len(index); n++ {
		if jsonName(t.FieldByIndex(index[:n])) != "" {
			return false
		}
	}
	return true
}

// CELName is the field's name in CEL.
func (f Field) CELName() string {
	if f.Type.Kind() == reflect.Float64 {
		return strings.TrimSuffix(f.Name, "Seconds")
	}
	return f.Name
}

// field finds a field by its name in CEL.
func field(t reflect.Type, name string) (Field, bool) {
	for _, f := range JSONFields(t) {
		if f.CELName() == name {
			return f, true
		}
	}
	return Field{}, false
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	durationTypes = []reflect.Type{reflect.TypeFor[time.Duration](), reflect.TypeFor[api.Duration]()}
)

// Of is the type of CEL as which a Go type is shown.
func Of(t reflect.Type) *cel.Type {
	switch t.Kind() {
	case reflect.Pointer:
		return Of(t.Elem())
	case reflect.Bool:
		return cel.BoolType
	case reflect.String:
		return cel.StringType
	case reflect.Float32, reflect.Float64:
		return cel.DoubleType
	case reflect.Slice:
		return cel.ListType(Of(t.Elem()))
	case reflect.Map:
		return cel.MapType(Of(t.Key()), Of(t.Elem()))
	case reflect.Struct:
		if t == timeType {
			return cel.DoubleType
		}
		return cel.ObjectType(Name(t))
	}
	switch {
	case t == durationTypes[0] || t == durationTypes[1]:
		return cel.DoubleType
	case reflect.Zero(t).CanInt() || reflect.Zero(t).CanUint():
		return cel.IntType
	}
	return cel.DynType
}

// Name is the name of a struct in CEL: its own, with a capital letter and without
// Seen, which tells one that is made for checks from what it is made of.
func Name(t reflect.Type) string {
	name := strings.TrimSuffix(t.Name(), "Seen")
	return strings.ToUpper(name[:1]) + name[1:]
}

// Types are structs that CEL knows, in the order in which they were first met.
type Types struct {
	Structs []reflect.Type
	byName  map[string]reflect.Type
}

// Collect finds the structs of which Go types are made.
func Collect(roots ...reflect.Type) (*Types, error) {
	ts := &Types{byName: map[string]reflect.Type{}}
	for _, t := range roots {
		if err := ts.add(t); err != nil {
			return nil, err
		}
	}
	return ts, nil
}

func (ts *Types) add(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return ts.add(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	switch other := ts.byName[Name(t)]; {
	case t == timeType || other == t:
		return nil
	case other != nil:
		return fmt.Errorf("%v and %v have the same name in CEL", other, t)
	}
	ts.byName[Name(t)] = t
	ts.Structs = append(ts.Structs, t)
	for _, f := range JSONFields(t) {
		if err := ts.add(f.Type); err != nil {
			return err
		}
	}
	return nil
}

// Option makes the structs known to an environment, beside what that knows already.
func (ts *Types) Option() cel.EnvOption {
	return func(env *cel.Env) (*cel.Env, error) {
		return cel.CustomTypeProvider(provider{Provider: env.CELTypeProvider(), types: ts})(env)
	}
}

// provider tells the compiler of structs and their fields.
type provider struct {
	types.Provider
	types *Types
}

// FindStructType implements [types.Provider].
func (p provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.types.byName[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldType implements [types.Provider].
func (p provider) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	t, ok := p.types.byName[name]
	if !ok {
		return p.Provider.FindStructFieldType(name, fieldName)
	}
	f, ok := field(t, fieldName)
	if !ok {
		return nil, false
	}
	return &types.FieldType{Type: Of(f.Type)}, true
}
