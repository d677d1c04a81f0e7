package provider

import (
	"encoding/json"
	"reflect"
	"time"

	"demarc/sim/api"
)

// ahead are the fields of records that have a time which may be yet to come.
var ahead = map[string]bool{"Expires": true, "Due": true}

// Latest is the latest time that any record of the state has of something that has
// happened.
func (s State) Latest() time.Time {
	latest := latestIn(reflect.ValueOf(s))
	for _, record := range s.Cases {
		var c api.Case
		if json.Unmarshal(record, &c) == nil { // its owner says what is wrong with it
			latest = later(latest, latestIn(reflect.ValueOf(c)))
		}
	}
	return latest
}

func latestIn(v reflect.Value) (latest time.Time) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			latest = latestIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			latest = later(latest, latestIn(v.Index(i)))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			latest = later(latest, latestIn(v.MapIndex(key)))
		}
	case reflect.Struct:
		if t, ok := reflect.TypeAssert[time.Time](v); ok {
			return t
		}
		for i := range v.NumField() {
			if !ahead[v.Type().Field(i).Name] {
				latest = later(latest, latestIn(v.Field(i)))
			}
		}
	}
	return latest
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
