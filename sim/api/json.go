package api

import (
	"bytes"
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// Marshal is a value in JSON as programs get it. A list that has nothing is [], and a map
// {}, never null. A virtual time has beside it, as NAMESeconds, the seconds since the
// cluster was ready, as ready tells, unless a field readyAt above it does: that is how a
// drill counts. Without either, times are alone. Ready is asked at most once.
func Marshal(v any, ready func() time.Time) ([]byte, error) {
	w := writer{ready: sync.OnceValue(ready)}
	w.value(reflect.ValueOf(v), time.Time{})
	return w.Bytes(), w.err
}

// Unready is for [Marshal] where it is not known when a cluster was ready.
func Unready() time.Time { return time.Time{} }

// writer writes JSON. What is nil becomes an empty list or map; nothing is changed for it.
type writer struct {
	bytes.Buffer
	ready func() time.Time
	err   error
}

var (
	ownJSON = reflect.TypeFor[json.Marshaler]()
	ownText = reflect.TypeFor[encoding.TextMarshaler]()
	aTime   = reflect.TypeFor[time.Time]()
)

func (w *writer) value(v reflect.Value, ready time.Time) {
	if v.IsValid() && (v.Type().Implements(ownJSON) || v.Type().Implements(ownText)) {
		w.leaf(v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			w.WriteString("null")
			return
		}
		w.value(v.Elem(), ready)
	case reflect.Struct:
		w.object(v, ready)
	case reflect.Map:
		w.WriteByte('{')
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for i, key := range keys {
			w.name(i, key.String())
			w.value(v.MapIndex(key), ready)
		}
		w.WriteByte('}')
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			w.leaf(v)
			return
		}
		w.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				w.WriteByte(',')
			}
			w.value(v.Index(i), ready)
		}
		w.WriteByte(']')
	default:
		w.leaf(v)
	}
}

// leaf writes what has no list in it, or writes itself.
func (w *writer) leaf(v reflect.Value) {
	if !v.IsValid() {
		w.WriteString("null")
		return
	}
	enc := json.NewEncoder(&w.Buffer)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v.Interface()); err != nil {
		w.err = err
		return
	}
	w.Truncate(w.Len() - 1) // the line's end
}

func (w *writer) name(i int, name string) {
	if i > 0 {
		w.WriteByte(',')
	}
	w.leaf(reflect.ValueOf(name))
	w.WriteByte(':')
}

func (w *writer) object(v reflect.Value, ready time.Time) {
	fields := fieldsOf(v.Type())
	for _, f := range fields {
		if at, ok := v.FieldByIndex(f.index).Interface().(time.Time); ok && f.name == "readyAt" && !at.IsZero() {
			ready = at
		}
	}
	w.WriteByte('{')
	n := 0
	for _, f := range fields {
		x := v.FieldByIndex(f.index)
		if f.omitEmpty && isEmpty(x) || f.omitZero && x.IsZero() {
			continue
		}
		w.name(n, f.name)
		w.value(x, ready)
		n++
		if f.seconds != "" {
			w.seconds(f.seconds, x.Interface().(time.Time), ready)
		}
	}
	w.WriteByte('}')
}

// seconds writes how long after the cluster was ready something was, if both are known.
func (w *writer) seconds(name string, at, ready time.Time) {
	if at.IsZero() {
		return
	}
	if ready.IsZero() {
		ready = w.ready()
	}
	if !ready.IsZero() {
		w.name(1, name)
		w.leaf(reflect.ValueOf(math.Round(at.Sub(ready).Seconds()*1000) / 1000))
	}
}

// isEmpty says what encoding/json leaves out with omitempty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// field is a field of a struct as JSON has it.
type field struct {
	name                string
	index               []int
	omitEmpty, omitZero bool
	// seconds is the name of the seconds beside a time; empty if it is none, or if the
	// struct has them itself.
	seconds string
}

var fieldsByType sync.Map

// fieldsOf are the fields of a struct with those that are embedded in it.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldsByType.Load(t); ok {
		return known.([]field)
	}
	var list []field
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		tag, has := f.Tag.Lookup("json")
		words := strings.Split(tag, ",")
		embedded := f.Anonymous && words[0] == ""
		if !f.IsExported() || tag == "-" || embedded || len(f.Index) > 1 && !inlined(t, f.Index) {
			continue
		}
		x := field{name: words[0], index: f.Index, omitEmpty: slices.Contains(words, "omitempty"), omitZero: slices.Contains(words, "omitzero")}
		if !has || x.name == "" {
			x.name = f.Name
		}
		if names[x.name] {
			continue
		}
		names[x.name] = true
		if f.Type == aTime {
			x.seconds = x.name + "Seconds"
		}
		list = append(list, x)
	}
	for i := range list {
		if names[list[i].seconds] {
			list[i].seconds = ""
		}
	}
	fieldsByType.Store(t, list)
	return list
}

// inlined says whether a field of an embedded struct is one of the outer in JSON, too: an
// embedded struct that has a name is not.
func inlined(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		if f := t.FieldByIndex(index[:i]); !f.Anonymous || strings.Split(f.Tag.Get("json"), ",")[0] != "" {
			return false
		}
	}
	return true
}
