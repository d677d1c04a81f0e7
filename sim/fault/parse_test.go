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
		{"crash", "etcd", nil, Spec{Verb: "crash", Target: "etcd", By: timeline.Provider, Args: map[string]string{"hold": "no"}}},
		{"crash", "deployment/shop", nil,
			Spec{Verb: "crash", Target: "deployment/default/shop", By: timeline.Customer, Args: map[string]string{"count": "1"}}},
		{"power-off", "node/0", map[string]string{"by": "customer"},
			Spec{Verb: "power-off", Target: "node/0", By: timeline.Customer}},
		{"flap", "control-plane", map[string]string{"down": "1m"},
			Spec{Verb: "flap", Target: "control-plane", By: timeline.Provider, Args: map[string]string{"down": "1m", "up": "40s", "times": "5"}}},
		{"partition", "nodes", map[string]string{"from": "kube-apiserver"},
			Spec{Verb: "partition", Target: "nodes", By: timeline.Platform, Args: map[string]string{"from": "kube-apiserver"}}},
		{"maintain", "node/1", map[string]string{"kind": "reboot"}, Spec{Verb: "maintain", Target: "node/1", By: timeline.Platform, Args: map[string]string{"kind": "reboot"}}},
		{"outage", "zone/2", nil, Spec{Verb: "outage", Target: "zone/2", By: timeline.Platform}},
		{"heal", "all", nil, Spec{Verb: "heal", Target: "all", By: timeline.Provider}},
		{"crash", "kube-apiserver/1", map[string]string{"hold": "yes"},
			Spec{Verb: "crash", Target: "kube-apiserver/1", By: timeline.Provider, Args: map[string]string{"hold": "yes"}}},
		{"hang", "control-plane", nil, Spec{Verb: "hang", Target: "control-plane", By: timeline.Provider, Args: map[string]string{"hold": "no"}}},
		{"stop", "kubelet/0", nil, Spec{Verb: "stop", Target: "kubelet/0", By: timeline.Customer, Args: map[string]string{"hold": "no"}}},
		{"partition", "kube-apiserver/1", map[string]string{"from": "etcd"},
			Spec{Verb: "partition", Target: "kube-apiserver/1", By: timeline.Provider, Args: map[string]string{"from": "etcd"}}},
		{"partition", "etcd/2", map[string]string{"from": "etcd"},
			Spec{Verb: "partition", Target: "etcd/2", By: timeline.Provider, Args: map[string]string{"from": "etcd"}}},
		{"partition", "provider/leader", map[string]string{"from": "provider"},
			Spec{Verb: "partition", Target: "provider/leader", By: timeline.Platform, Args: map[string]string{"from": "provider"}}},
		{"crash", "provider/leader", nil, Spec{Verb: "crash", Target: "provider/leader", By: timeline.Platform}},
		{"crash", "provider", nil, Spec{Verb: "crash", Target: "provider", By: timeline.Platform}},
		{"start", "provider/2", nil, Spec{Verb: "start", Target: "provider/2", By: timeline.Platform}},
		{"heal", "provider/0", nil, Spec{Verb: "heal", Target: "provider/0", By: timeline.Platform}},
		{"wipe", "etcd", nil, Spec{Verb: "wipe", Target: "etcd", By: timeline.Platform}},
		{"wipe", "etcd/0", map[string]string{"by": "provider"}, Spec{Verb: "wipe", Target: "etcd/0", By: timeline.Provider}},
		{"corrupt", "etcd/1", nil, Spec{Verb: "corrupt", Target: "etcd/1", By: timeline.Platform}},
		{"corrupt", "backup/latest", nil,
			Spec{Verb: "corrupt", Target: "backup/latest", By: timeline.Platform, Args: map[string]string{"how": "bit-flip"}}},
		{"corrupt", "backup/20260105T083000Z-manual", map[string]string{"how": "delete"},
			Spec{Verb: "corrupt", Target: "backup/20260105T083000Z-manual", By: timeline.Platform, Args: map[string]string{"how": "delete"}}},
		{"fill", "backup-store", nil, Spec{Verb: "fill", Target: "backup-store", By: timeline.Platform}},
		{"throttle", "cloud", nil, Spec{Verb: "throttle", Target: "cloud", By: timeline.Platform}},
		{"fail", "cloud/loadbalancers", nil, Spec{Verb: "fail", Target: "cloud/loadbalancers", By: timeline.Platform}},
		{"fail", "cloud/disks", nil, Spec{Verb: "fail", Target: "cloud/disks", By: timeline.Platform}},
		{"fill", "namespace/load", nil, Spec{Verb: "fill", Target: "namespace/load", By: timeline.Customer, Args: map[string]string{"with": "objects"}}},
		{"flood", "serviceaccount/load/crawler", map[string]string{"rate": "50"},
			Spec{Verb: "flood", Target: "serviceaccount/load/crawler", By: timeline.Customer, Args: map[string]string{"rate": "50", "takes": "10s"}}},
		{"heal", "namespace/load", nil, Spec{Verb: "heal", Target: "namespace/load", By: timeline.Customer}},
		{"slow", "backup-store", map[string]string{"latency": "2s"},
			Spec{Verb: "slow", Target: "backup-store", By: timeline.Platform, Args: map[string]string{"latency": "2s"}}},
		{"lose", "node/1", map[string]string{"packets": "10%"}, Spec{Verb: "lose", Target: "node/1", By: timeline.Platform, Args: map[string]string{"packets": "10%"}}},
		{"lose", "zone/1", map[string]string{"packets": "100%", "to": "zone/2"},
			Spec{Verb: "lose", Target: "zone/1", By: timeline.Platform, Args: map[string]string{"packets": "100%", "to": "zone/2"}}},
		{"delay", "outside", map[string]string{"latency": "200ms", "to": "node/0"},
			Spec{Verb: "delay", Target: "outside", By: timeline.Platform, Args: map[string]string{"latency": "200ms", "to": "node/0"}}},
		{"heal", "backup-store", nil, Spec{Verb: "heal", Target: "backup-store", By: timeline.Platform}},
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
		{"all of a node's packets", "lose", "node/0", map[string]string{"packets": "100.0%"}, PartArgValue, "100.0%", ""},
		{"another end", "lose", "node/0", map[string]string{"packets": "1%", "to": "etcd"}, PartArgValue, "etcd", ""},
		{"an end that is misspelt", "delay", "node/0", map[string]string{"latency": "1s", "to": "zon/1"}, PartArgValue, "zon/1", "zone/1"},
		{"both ends", "delay", "outside", map[string]string{"latency": "1s", "to": "outside"}, PartArgValue, "outside", ""},
		{"no client", "partition", "kube-apiserver", map[string]string{"from": "provider"}, PartArgValue, "provider", "etcd"},
		{"all members", "partition", "etcd", map[string]string{"from": "etcd"}, PartTarget, "etcd", ""},
		{"member's link", "partition", "etcd/0", map[string]string{"from": "kube-apiserver"}, PartArgValue, "kube-apiserver", "etcd"},
		{"all replicas", "partition", "provider", map[string]string{"from": "provider"}, PartTarget, "provider", ""},
		{"instance", "crash", "etcd/3", nil, PartTarget, "etcd/3", ""},
		{"instance's name", "crash", "kube-apiserver/leader", nil, PartTarget, "kube-apiserver/leader", ""},
		{"only one", "crash", "kube-scheduler/0", nil, PartTarget, "kube-scheduler/0", "kube-scheduler"},
		{"component of an instance", "crash", "etdc/0", nil, PartTarget, "etdc/0", "etcd/0"},
		{"replica", "crash", "provider/3", nil, PartTarget, "provider/3", ""},
		{"leader", "crash", "provider/leadr", nil, PartTarget, "provider/leadr", "provider/leader"},
		{"provider", "crash", "provder/leader", nil, PartTarget, "provder/leader", "provider/leader"},
		{"slow replica", "slow", "provider/0", map[string]string{"latency": "1s"}, PartTarget, "provider/0", ""},
		{"backup store", "fill", "backup-stor", nil, PartTarget, "backup-stor", "backup-store"},
		{"cloud", "throttle", "clud", nil, PartTarget, "clud", "cloud"},
		{"part of the cloud", "fail", "cloud/disk", nil, PartTarget, "cloud/disk", ""},
		{"the whole cloud", "fail", "cloud", nil, PartTarget, "cloud", ""},
		{"full etcd", "fill", "etcd", nil, PartTarget, "etcd", ""},
		{"with what", "fill", "namespace/load", map[string]string{"with": "object"}, PartArgValue, "object", "objects"},
		{"with of a disk", "fill", "backup-store", map[string]string{"with": "objects"}, PartArgName, "with", ""},
		{"account", "flood", "serviceaccount/crawler", nil, PartTarget, "serviceaccount/crawler", ""},
		{"rate", "flood", "serviceaccount/load/crawler", map[string]string{"rate": "10000"}, PartArgValue, "10000", ""},
		{"fill", "fil", "backup-store", nil, PartVerb, "fil", "fill"},
		{"latest", "corrupt", "backup/lastest", nil, PartTarget, "backup/lastest", "backup/latest"},
		{"backup without ID", "corrupt", "backup", nil, PartTarget, "backup", ""},
		{"backup's ID", "corrupt", "backup/yesterday", nil, PartTarget, "backup/yesterday", ""},
		{"crash of a backup", "crash", "backup/latest", nil, PartTarget, "backup/latest", ""},
		{"wiped API server", "wipe", "kube-apiserver", nil, PartTarget, "kube-apiserver", ""},
		{"corrupt scheduler", "corrupt", "kube-scheduler", nil, PartTarget, "kube-scheduler", ""},
		{"how", "corrupt", "backup/latest", map[string]string{"how": "bitflip"}, PartArgValue, "bitflip", "bit-flip"},
		{"how of etcd", "corrupt", "etcd", map[string]string{"how": "truncate"}, PartArgName, "how", ""},
		{"hold", "crash", "etcd", map[string]string{"hold": "maybe"}, PartArgValue, "maybe", ""},
		{"hold's name", "hang", "etcd", map[string]string{"holt": "no"}, PartArgName, "holt", "hold"},
		{"hold of a container", "crash", "pod/default/shop", map[string]string{"hold": "no"}, PartArgName, "hold", ""},
		{"hold of a replica", "crash", "provider/0", map[string]string{"hold": "no"}, PartArgName, "hold", ""},
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

// Every target that is offered, but for those that go on, must be one that works.
func TestTargetWords(t *testing.T) {
	for _, k := range Kinds() {
		for _, w := range k.TargetWords() {
			if strings.HasSuffix(w, "/") {
				continue
			}
			if target, err := ParseTarget(w); err != nil || target.String() != w || !k.strikes(target) {
				t.Errorf("%s %s: got %+v, %v", k.Verb, w, target, err)
			}
		}
		if len(k.TargetForms()) < len(k.Targets) {
			t.Errorf("%s: got forms %q for targets %q", k.Verb, k.TargetForms(), k.Targets)
		}
	}
	wipe, _ := Lookup("wipe")
	if got, want := strings.Join(wipe.TargetWords(), " "), "etcd etcd/0 etcd/1 etcd/2"; got != want {
		t.Errorf("words of wipe: got %s, want %s", got, want)
	}
	corrupt, _ := Lookup("corrupt")
	if got, want := strings.Join(corrupt.TargetForms(), " "), "etcd etcd/N backup/ID"; got != want {
		t.Errorf("forms of corrupt: got %s, want %s", got, want)
	}
}

func TestComponentsOfTargets(t *testing.T) {
	for target, want := range map[string]string{
		"etcd": "etcd", "etcd/1": "etcd/1", "provider": "", "node/0": "",
		"control-plane": "etcd kube-apiserver kube-controller-manager kube-scheduler",
	} {
		got, err := ParseTarget(target)
		if err != nil || strings.Join(got.Components(), " ") != want {
			t.Errorf("%s: got %q, %v, want %q", target, got.Components(), err, want)
		}
	}
	if got, _ := ParseTarget("etcd/1"); got.Component != "etcd" || got.Instance != "1" {
		t.Errorf("etcd/1: got %+v", got)
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
