package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzRate reads rates: one that is right is the same after it was written.
func FuzzRate(f *testing.F) {
	for _, text := range []string{"1x", "60", "0.5X", "max", "pause", "-1x", "NaN", "Inf", "1e6x", "0x10p1", "1e-320x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRate(text)
		if err != nil {
			return
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var again Rate
		if err := json.Unmarshal(b, &again); err != nil || again != r {
			t.Errorf("%q is %v, written %s, read %v, %v", text, float64(r), b, float64(again), err)
		}
	})
}

// FuzzRequests reads what clients send, as the engine does: each route takes an object
// with the fields that it needs, and what is read is the same after it was written.
func FuzzRequests(f *testing.F) {
	for _, text := range []string{
		`{}`, `null`, `[]`, `{"rate":"60x","until":"2026-01-05T08:00:00Z"}`, `{"rate":-5}`, `{"node":"0","for":"1h"}`, `{"for":3}`, `{"verb":"crash","target":"etcd","args":{"hold":"no"}}`,
		`{"name":"x","from":"outside","to":"service/x","rate":1e400}`, `{"count":-1}`, `{"action":"stop","vm":"0"}`, `{"symptom":"x"} {}`, `{"node":null,"command":"x"}`, `{"package":"htop","package":"curl"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, route := range Routes() {
			if route.Request == nil {
				continue
			}
			v, again := reflect.New(route.Request).Interface(), reflect.New(route.Request).Interface()
			if route.CheckBody(text) != nil || json.Unmarshal(text, v) != nil {
				continue
			}
			for _, name := range route.Needs {
				if !bytes.Contains(text, []byte(name)) && !bytes.Contains(text, []byte(`\u`)) {
					t.Errorf("%s takes %q, without %q", route.Path, text, name)
				}
			}
			written, err := json.Marshal(v)
			if err != nil {
				t.Fatalf("%T of %q cannot be written: %v", v, text, err)
			}
			if err := json.Unmarshal(written, again); err != nil {
				t.Fatalf("%T written as %s cannot be read: %v", v, written, err)
			}
			if rewritten, err := json.Marshal(again); err != nil || !bytes.Equal(rewritten, written) {
				t.Errorf("%T is %s, and again %s, %v", v, written, rewritten, err)
			}
		}
	})
}

// FuzzEngineConfig reads what an engine is told when it starts.
func FuzzEngineConfig(f *testing.F) {
	for _, text := range []string{`{"cluster":{"name":"demarc","nodes":3,"start":"2026-01-05T08:00:00Z","seed":1},"rate":"1x"}`, `{"cluster":{"start":"0000-01-01T00:00:00Z"}}`, `{"rate":"max","cluster":{"featureGates":"A=true"}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var c EngineConfig
		if json.Unmarshal(text, &c) != nil {
			return
		}
		if _, err := json.Marshal(c); err != nil {
			t.Errorf("%q cannot be written again: %v", text, err)
		}
	})
}

// FuzzWords reads feature gates and versions.
func FuzzWords(f *testing.F) {
	for _, text := range []string{"A=true,B=false", "A", "=", "A=true,A=true", "1.37", "v1.36.3", "1.", "latest"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if gates, err := ParseFeatureGates(text); err == nil && text != "" && len(gates) == 0 {
			t.Errorf("%q has no gates", text)
		}
		if v, err := ResolveKubernetes(text); err == nil && v == "" {
			t.Errorf("%q is no version", text)
		}
	})
}
