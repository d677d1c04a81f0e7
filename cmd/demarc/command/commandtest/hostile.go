package commandtest

import (
	"fmt"
	"reflect"
	"regexp"
	"time"

	"demarc/sim/api"
)

// Hostile is what a customer may have written: it clears the screen, colours it,
// rings, turns the direction of reading, and begins a line and a cell of its own.
const Hostile = "x\x1b[2J\x1b[31m\u009b1m\x07\x7f\r\u202eevil\nforged line\tforged cell"

// Filled is a value of that type with every text in it hostile, one element in
// every list, and nothing empty.
func Filled(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(Eight))
		return v
	case t == reflect.TypeFor[api.Rate]():
		v.SetFloat(1)
		return v
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString(Hostile)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Slice:
		v.Set(reflect.Append(v, Filled(t.Elem())))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(Filled(t.Key()), Filled(t.Elem()))
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(Filled(t.Elem()))
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				v.Field(i).Set(Filled(t.Field(i).Type))
			}
		}
	}
	return v
}

// HostileValue is a value with every text in it hostile.
func HostileValue[T any]() T { return Filled(reflect.TypeFor[T]()).Interface().(T) }

// Harm says what is wrong with an output.
func Harm(out string) string {
	if bad := regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x{7f}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`).FindString(out); bad != "" {
		return fmt.Sprintf("control character %q", bad)
	}
	if line := regexp.MustCompile(`(?m)^\s*forged.*`).FindString(out); line != "" {
		return fmt.Sprintf("line %q", line)
	}
	return ""
}
