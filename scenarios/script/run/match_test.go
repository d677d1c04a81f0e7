package run

import (
	"strings"
	"testing"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMatch(t *testing.T) {
	tests := []struct{ name, want, got, diffs string }{
		{"subset", "{a: 1, b: {c: x}}", "{a: 1, b: {c: x, d: y}, e: 2}", ""},
		{"value", "{a: {b: 3}}", "{a: {b: 2}}", "a.b: want 3, got 2"},
		{"missing", "{a: {b: 3}}", "{a: {}}", "a.b: want 3, got nothing"},
		{"missing map", "{a: {b: 3}}", "{}", `a: want {"b":3}, got nothing`},
		{"null is absence", "{a: null}", "{b: 1}", ""},
		{"null is not there", "{a: null}", "{a: 1}", "a: want nothing, got 1"},
		{"type", "{a: {b: 1}}", "{a: x}", `a: want {"b":1}, got "x"`},
		{"numbers", "{a: 1.0}", "{a: 1}", ""},
		{"not text for numbers", "{a: '1'}", "{a: 1}", `a: want "1", got 1`},
		{"by type", "{c: [{type: Ready, status: 'True'}]}", "{c: [{type: X, status: 'False'}, {type: Ready, status: 'True', reason: r}]}", ""},
		{"by type, other", "{c: [{type: Ready, status: 'True'}]}", "{c: [{type: Ready, status: 'False'}]}", `c[type=Ready].status: want "True", got "False"`},
		{"by name, missing", "{c: [{name: b}]}", "{c: [{name: a}]}", `c[name=b]: want {"name":"b"}, got nothing`},
		{"by port", "{p: [{containerPort: 80}]}", "{p: [{containerPort: 81}, {containerPort: 80, protocol: TCP}]}", ""},
		{"exactly", "{l: [a, b]}", "{l: [a, b]}", ""},
		{"exactly, more", "{l: [a]}", "{l: [a, b]}", `l: want ["a"], got ["a","b"]`},
		{"name is not unique", "{m: [{name: v, mountPath: /b}]}", "{m: [{name: v, mountPath: /a}, {name: v, mountPath: /b, readOnly: true}]}", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, d := range match(decode(t, tt.want), decode(t, tt.got), "") {
				got = append(got, d.String())
			}
			if s := strings.Join(got, "; "); s != tt.diffs {
				t.Errorf("got %q, want %q", s, tt.diffs)
			}
		})
	}
}
