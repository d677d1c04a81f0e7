package upstream

import (
	"fmt"
	"reflect"
	"unsafe"
)

// field is a field of a struct that can be set, although it is not exported. The
// error says that upstream has no such field any more, or one of another type.
func field[T any](pointer reflect.Value, name string) (*T, error) {
	if pointer.Kind() != reflect.Pointer || pointer.IsNil() || pointer.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is no struct with %s", pointer.Type(), name)
	}
	f := pointer.Elem().FieldByName(name)
	if !f.IsValid() || f.Type() != reflect.TypeFor[T]() {
		return nil, fmt.Errorf("%s has no %s of type %s", pointer.Type(), name, reflect.TypeFor[T]())
	}
	return (*T)(unsafe.Pointer(f.UnsafeAddr())), nil
}
