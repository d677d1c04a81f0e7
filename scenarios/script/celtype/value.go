package celtype

import (
	"fmt"
	"reflect"
	"time"

	"demarc/sim/api"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"google.golang.org/protobuf/types/known/structpb"
)

// Since shows values to CEL, times as seconds since a moment. A time that is zero
// is 0.
type Since time.Time

// NativeToValue implements [types.Adapter]. What lists, maps and structs hold is
// converted when it is asked for.
func (s Since) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case nil:
		return types.NullValue
	case ref.Val:
		return v
	case time.Time:
		return types.Double(s.Seconds(v))
	case time.Duration:
		return types.Double(v.Seconds())
	case api.Duration:
		return types.Double(time.Duration(v).Seconds())
	case map[string]any, []any: // as JSON has it
		return types.DefaultTypeAdapter.NativeToValue(v)
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return types.NullValue
		}
		return s.NativeToValue(v.Elem().Interface())
	case reflect.Slice:
		return types.NewDynamicList(s, value)
	case reflect.Map:
		return types.NewDynamicMap(s, value)
	case reflect.Struct:
		return object{s, v}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return types.Int(v.Uint())
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

// Seconds is a time as CEL sees it.
func (s Since) Seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return t.Sub(time.Time(s)).Seconds()
}

// object is a struct.
type object struct {
	Since
	v reflect.Value
}

// Get implements [traits.Indexer].
func (o object) Get(name ref.Val) ref.Val {
	f, err := o.find(name)
	if err != nil {
		return err
	}
	return o.NativeToValue(f.Interface())
}

// IsSet implements [traits.FieldTester]: whether a field is not zero.
func (o object) IsSet(name ref.Val) ref.Val {
	f, err := o.find(name)
	if err != nil {
		return err
	}
	return types.Bool(!f.IsZero())
}

func (o object) find(name ref.Val) (reflect.Value, ref.Val) {
	if s, ok := name.(types.String); ok {
		if f, ok := field(o.v.Type(), string(s)); ok {
			return o.v.FieldByIndex(f.index), nil
		}
	}
	return reflect.Value{}, types.NewErr("no such field: %v", name)
}

var jsonType = reflect.TypeFor[*structpb.Value]()

// ConvertToNative implements [ref.Val]: as JSON, without what is zero.
func (o object) ConvertToNative(t reflect.Type) (any, error) {
	if t != jsonType {
		return nil, fmt.Errorf("%v cannot be a %v", o.Type(), t)
	}
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for _, f := range JSONFields(o.v.Type()) {
		v := o.v.FieldByIndex(f.index)
		if v.IsZero() {
			continue
		}
		j, err := o.NativeToValue(v.Interface()).ConvertToNative(jsonType)
		if err != nil {
			return nil, err
		}
		s.Fields[f.CELName()] = j.(*structpb.Value)
	}
	return structpb.NewStructValue(s), nil
}

// ConvertToType implements [ref.Val].
func (o object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return Of(o.v.Type())
	}
	return types.NewErr("%v cannot be a %v", o.Type(), t)
}

// Equal implements [ref.Val].
func (o object) Equal(other ref.Val) ref.Val {
	x, ok := other.(object)
	return types.Bool(ok && reflect.DeepEqual(o.Value(), x.Value()))
}

// Type implements [ref.Val].
func (o object) Type() ref.Type { return Of(o.v.Type()) }

// Value implements [ref.Val].
func (o object) Value() any { return o.v.Interface() }
