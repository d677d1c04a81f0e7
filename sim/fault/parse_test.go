package fault

import (
	"errors"
	"strings"
	"testing"

	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct {
		verb, target string
		args         map[string]string
		want         Spec
	}{
		{"crash", "etcd", nil, Spec{Verb: "crash", Target: "etcd", By: timeline.Provider}},
		{"crash", "deployment/shop", nil,
			Spec{Verb: "crash", Target: "deployment/default/shop", By: timeline.Customer, Args: map[string]string{"count": "1"}}},
		{"power-off", "node/0", map[string]string{"by": "customer"},
			Spec{Verb: "power-off", Target: "node/0", By: timeline.Customer}},
		{"flap", "control-plane", map[string]string{"down": "1m"},
			Spec{Verb: "flap", Target: "control-plane", By: timeline.Provider, Args: map[string]string{"down": "1m", "up": "40s", "times": "5"}}},
		{"partition", "nodes", map[string]string{"from": "kube-apiserver"},
			Spec{Verb: "partition", Target: "nodes", By: timeline.Platform, Args: map[string]string{"from": "kube-apiserver"}}},
		{"heal", "all", nil, Spec{Verb: "heal", Target: "all", By: timeline.Provider}},
	}
	for _, tt := range tests {
		t.Run(tt.verb+" "+tt.target, func(t *testing.T) {
			got, err := Parse(tt.verb, tt.target, tt.args)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("spec differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, verb, target string
		args               map[string]string
		part               Part
		word, suggestion   string
	}{
		{"verb", "crush", "etcd", nil, PartVerb, "crush", "crash"},
		{"no target", "crash", "", nil, PartTarget, "crash", ""},
		{"component", "crash", "apiserver", nil, PartTarget, "apiserver", "kube-apiserver"},
		{"prefix", "cut", "nod/0", nil, PartTarget, "nod/0", "node/0"},
		{"form", "crash", "pod/shop", nil, PartTarget, "pod/shop", ""},
		{"empty part", "crash", "pod//x", nil, PartTarget, "pod//x", ""},
		{"not this target", "hang", "node/0", nil, PartTarget, "node/0", ""},
		{"argument", "slow", "etcd", map[string]string{"latancy": "1s"}, PartArgName, "latancy", "latency"},
		{"missing", "slow", "etcd", nil, PartArgName, "slow", ""},
		{"unit", "slow", "etcd", map[string]string{"latency": "500"}, PartArgValue, "500", ""},
		{"negative", "flap", "etcd", map[string]string{"times": "-1"}, PartArgValue, "-1", ""},
		{"actor", "crash", "etcd", map[string]string{"by": "provder"}, PartArgValue, "provder", "provider"},
		{"count of etcd", "crash", "etcd", map[string]string{"count": "2"}, PartArgName, "count", ""},
		{"link", "partition", "kube-scheduler", map[string]string{"from": "etcd"}, PartArgValue, "etcd", "kube-apiserver"},
		{"no client", "partition", "etcd", map[string]string{"from": "etcd"}, PartTarget, "etcd", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.verb, tt.target, tt.args)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an Error", err)
			}
			got := [3]string{string(e.Part), e.Word, e.Suggestion}
			if want := [3]string{string(tt.part), tt.word, tt.suggestion}; got != want {
				t.Errorf("got %q, want %q (%v)", got, want, err)
			}
		})
	}
}

// Every example in the registry must be a line that works.
func TestExamples(t *testing.T) {
	for _, k := range Kinds() {
		words := strings.Fields(k.Example)
		args := map[string]string{}
		for _, w := range words[2:] {
			name, value, _ := strings.Cut(w, "=")
			args[name] = value
		}
		if spec, err := Parse(words[0], words[1], args); err != nil || spec.Verb != k.Verb {
			t.Errorf("example of %s: %q: got %v, %v", k.Verb, k.Example, spec, err)
		}
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"apply", "delete", "scale", "kube-scheduler"}
	for word, want := range map[string]string{
		"aply": "apply", "aplpy": "apply", "Scale": "scale", "scheduler": "kube-scheduler", "restart": "", "x": "",
	} {
		if got := Suggest(word, words); got != want {
			t.Errorf("Suggest(%q): got %q, want %q", word, got, want)
		}
	}
}
