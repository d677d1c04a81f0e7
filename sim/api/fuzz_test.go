package api

import (
	"encoding/json"
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

// FuzzRequests reads what clients send, as the engine does.
func FuzzRequests(f *testing.F) {
	for _, text := range []string{`{}`, `null`, `[]`, `{"rate":"60x","until":"2026-01-05T08:00:00Z"}`, `{"rate":-5}`, `{"for":"1h"}`, `{"for":3}`, `{"start":"0000-01-01T00:00:00Z"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []any{
			&ClockRequest{}, &CaseRequest{}, &CaseNote{}, &ConsentRequest{}, &EscalationRequest{}, &VMRequest{}, &NSGRule{}, &RunRequest{}, &UpdateRequest{},
			&UpgradeRequest{}, &RestoreRequest{}, &PatchRequest{}, &CVERequest{}, &EngineConfig{},
		} {
			if json.Unmarshal(data, v) != nil {
				continue
			}
			if _, err := json.Marshal(v); err != nil {
				t.Errorf("%T of %q cannot be written again: %v", v, data, err)
			}
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
