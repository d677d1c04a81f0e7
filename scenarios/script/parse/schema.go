package parse

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"demarc/scenarios/script"
	"demarc/scenarios/script/celtype"
	"demarc/scenarios/script/kinds"
	"demarc/sim/fault"

	yamlv3 "go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// checkSchema checks a document against the Go type of its kind, so that every
// mistake has its own line and column. Kinds that client-go does not know are
// not checked.
func (p *parser) checkSchema(d script.Document, node *yamlv3.Node, line int) {
	obj, err := scheme.Scheme.New(d.GVK)
	if err != nil {
		return
	}
	c := schemaCheck{parser: p, line: line, kind: d.GVK.Kind}
	c.value(d.Object, node, reflect.TypeOf(obj).Elem(), "")
}

// schemaCheck walks a document's values, its nodes and a Go type side by side.
type schemaCheck struct {
	parser *parser
	line   int // of the document
	kind   string
}

func (c schemaCheck) problem(n *yamlv3.Node, suggestion, format string, args ...any) {
	c.parser.problemAt(c.line+n.Line-1, n.Column, suggestion, format, args...)
}

var (
	unmarshaler  = reflect.TypeFor[json.Unmarshaler]()
	metadataType = reflect.TypeFor[metav1.ObjectMeta]()
)

// value checks one value. null is right everywhere.
func (c schemaCheck) value(v any, n *yamlv3.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil || t.Kind() == reflect.Interface {
		return
	}
	if n.Kind == yamlv3.AliasNode {
		n = n.Alias
	}
	if s, ok := v.(string); ok && script.NodeRef.MatchString(s) {
		return
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		c.custom(v, n, t, path)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		c.object(v, n, t, path)
	case reflect.Map:
		m, ok := v.(map[string]any)
		if !ok {
			c.wrong(v, n, path, "a mapping")
			return
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			c.value(m[key], valueNode(n, key), t.Elem(), script.JoinPath(path, key))
		}
	case reflect.Slice:
		c.list(v, n, t, path)
	default:
		c.scalar(v, n, t, path)
	}
}

// object checks a mapping against the fields of a struct.
func (c schemaCheck) object(v any, n *yamlv3.Node, t reflect.Type, path string) {
	m, ok := v.(map[string]any)
	if !ok {
		c.wrong(v, n, path, "an object")
		return
	}
	if t == metadataType {
		c.annotations(m, n, path)
	}
	fields := fieldsOf(t)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		ft, known := fields[key]
		keyAt, valueAt := pairNodes(n, key)
		if keyAt == nil {
			keyAt, valueAt = n, n // from a merge key: <<
		}
		if !known {
			c.problem(keyAt, fault.Suggest(key, slices.Sorted(maps.Keys(fields))), "unknown field %q in %s", key, where(path))
			continue
		}
		c.value(m[key], valueAt, ft, script.JoinPath(path, key))
	}
}

// list checks a list's items. Bytes are text in base64.
func (c schemaCheck) list(v any, n *yamlv3.Node, t reflect.Type, path string) {
	if t.Elem().Kind() == reflect.Uint8 {
		if _, ok := v.(string); !ok {
			c.wrong(v, n, path, "text in base64")
		}
		return
	}
	items, ok := v.([]any)
	if !ok {
		c.wrong(v, n, path, "a list")
		return
	}
	for i, item := range items {
		at := n
		if n.Kind == yamlv3.SequenceNode && i < len(n.Content) {
			at = n.Content[i]
		}
		c.value(item, at, t.Elem(), path+"["+strconv.Itoa(i)+"]")
	}
}

// scalar checks text, numbers and booleans.
func (c schemaCheck) scalar(v any, n *yamlv3.Node, t reflect.Type, path string) {
	switch t.Kind() {
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			c.wrong(v, n, path, "text (in quotes)")
		} else if values := kinds.Enum(t); values != nil && s != "" && !slices.Contains(values, s) {
			c.problem(n, fault.Suggest(s, values), "%s: want one of %s, got %q", where(path), strings.Join(values, ", "), s)
		}
	case reflect.Bool:
		if _, ok := v.(bool); !ok {
			c.wrong(v, n, path, "true or false")
		}
	case reflect.Float32, reflect.Float64:
		switch v.(type) {
		case int64, float64:
		default:
			c.wrong(v, n, path, "a number")
		}
	default:
		i, ok := v.(int64)
		if !ok || reflect.New(t).Elem().CanInt() && reflect.New(t).Elem().OverflowInt(i) {
			c.wrong(v, n, path, "a whole number")
		}
	}
}

// custom checks a type that reads its own JSON: quantities, times, and such.
func (c schemaCheck) custom(v any, n *yamlv3.Node, t reflect.Type, path string) {
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, reflect.New(t).Interface())
	}
	if err != nil {
		c.problem(n, "", "%s: %s is no %s: %v", path, script.Compact(v), t.Name(), err)
	}
}

func (c schemaCheck) wrong(v any, n *yamlv3.Node, path, want string) {
	c.problem(n, "", "%s: want %s, got %s", where(path), want, script.Compact(v))
}

// fieldsOf maps the JSON names of a struct's fields to their types.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, f := range celtype.JSONFields(t) {
		m[f.Name] = f.Type
	}
	return m
}

func where(path string) string {
	if path == "" {
		return "the object"
	}
	return path
}
