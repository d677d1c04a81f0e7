package run

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"demarc/scenarios/script"
)

// difference is one place in which an object is not as expected.
type difference struct {
	path      string
	want, got any
	missing   bool // there is nothing at path
}

// String writes the difference as status.readyReplicas: want 3, got 2.
func (d difference) String() string {
	got := script.Compact(d.got)
	if d.missing {
		got = "nothing"
	}
	want := script.Compact(d.want)
	if d.want == nil {
		want = "nothing"
	}
	return fmt.Sprintf("%s: want %s, got %s", d.path, want, got)
}

// mergeKeys are the fields by which items of lists find each other, in the
// order in which they are tried.
var mergeKeys = []string{"type", "key", "name", "containerPort", "port", "uid", "mountPath", "ip"}

// match compares what is wanted with what is there. Maps match if all that is
// wanted is there; lists whose items have a merge key match item by item by
// that key; other lists, and everything else, match if they are equal. A
// wanted null matches a field that is not there.
func match(want, got any, path string) []difference {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []difference{{path: path, want: want, got: got, missing: got == nil}}
		}
		var diffs []difference
		for _, key := range slices.Sorted(maps.Keys(w)) {
			at := script.JoinPath(path, key)
			v, ok := g[key]
			switch {
			case w[key] == nil && (!ok || v == nil):
			case !ok || w[key] == nil:
				diffs = append(diffs, difference{path: at, want: w[key], got: v, missing: !ok})
			default:
				diffs = append(diffs, match(w[key], v, at)...)
			}
		}
		return diffs
	case []any:
		return matchList(w, got, path)
	}
	if equalScalar(want, got) {
		return nil
	}
	return []difference{{path: path, want: want, got: got, missing: got == nil}}
}

// matchList compares lists.
func matchList(want []any, got any, path string) []difference {
	g, ok := got.([]any)
	if !ok {
		return []difference{{path: path, want: want, got: got, missing: got == nil}}
	}
	key := mergeKey(want, g)
	if key == "" {
		if reflect.DeepEqual(want, got) {
			return nil
		}
		return []difference{{path: path, want: want, got: got}}
	}
	var diffs []difference
	for _, item := range want {
		value := item.(map[string]any)[key]
		at := path + "[" + key + "=" + plain(value) + "]"
		i := slices.IndexFunc(g, func(x any) bool { return equalScalar(x.(map[string]any)[key], value) })
		if i < 0 {
			diffs = append(diffs, difference{path: at, want: item, missing: true})
			continue
		}
		diffs = append(diffs, match(item, g[i], at)...)
	}
	return diffs
}

// mergeKey is the first merge key that all wanted items have and that tells
// the items of both lists apart.
func mergeKey(want, got []any) string {
	for _, key := range mergeKeys {
		if len(want) > 0 && distinct(want, key) && distinct(got, key) {
			return key
		}
	}
	return ""
}

// distinct says whether all items are maps that have the key with values that
// differ.
func distinct(items []any, key string) bool {
	seen := map[any]bool{}
	for _, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			return false
		}
		v, ok := m[key]
		switch v.(type) {
		case string, int64, float64:
		default:
			ok = false
		}
		if !ok || seen[v] {
			return false
		}
		seen[v] = true
	}
	return true
}

// equalScalar compares values; whole numbers equal floats of the same value.
func equalScalar(a, b any) bool {
	x, okX := number(a)
	y, okY := number(b)
	if okX && okY {
		return x == y
	}
	return reflect.DeepEqual(a, b)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return fmt.Sprint(v)
}
