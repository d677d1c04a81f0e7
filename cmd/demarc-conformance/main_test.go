package main

import (
	"context"
	"regexp"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	known := []knownFailure{{"[sig-node] A [Conformance]", "needs a kernel"}, {"[sig-node] B [Conformance]", "needs a kernel"}}
	got := judge([]result{
		{name: "[sig-node] A [Conformance]"},
		{name: "[sig-node] B [Conformance]", passed: true},
		{name: "[sig-node] C [Conformance]", why: "timed out"},
		{name: "[sig-apps] D [Conformance]", passed: true},
	}, known)
	if got.holds() {
		t.Error("it holds, though C failed and B passed against what is known")
	}
	var out strings.Builder
	if err := got.print(&out); err != nil {
		t.Fatal(err)
	}
	const want = `   SIG  TESTS  PASSED  FAILED  KNOWN TO FAIL
  apps      1       1       0              0
  node      3       1       1              1
   all      4       2       1              1

failed: [sig-node] C [Conformance]
  timed out

passes, and known.yaml says that it fails: [sig-node] B [Conformance]
`
	if trimmed := regexp.MustCompile(` +\n`).ReplaceAllString(out.String(), "\n"); trimmed != want {
		t.Errorf("got\n%s\nwant\n%s", trimmed, want)
	}
	if !judge([]result{{name: "[sig-node] A [Conformance]"}}, known).holds() {
		t.Error("a known failure is held against the cluster")
	}
}

func TestLists(t *testing.T) {
	for _, k := range known {
		if sigOf.FindString(k.Test) == "" || len(k.Reason) < 20 {
			t.Errorf("known.yaml: %q: name a test as upstream does, and a reason", k.Test)
		}
	}
	if len(smoke) != 20 {
		t.Errorf("smoke.yaml has %d tests, want 20", len(smoke))
	}
	if got := absent([]result{{name: "x"}}, options{smoke: true}); len(got) != len(smoke) {
		t.Errorf("of tests that did not run, %d are missed", len(got))
	}
	re := regexp.MustCompile(focus(options{smoke: true}))
	for _, s := range smoke {
		if !re.MatchString(s) {
			t.Errorf("the focus does not choose %q", s)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Setenv("KUBECONFIG", "k")
	for name, c := range map[string]struct {
		o    options
		rest []string
		want string
	}{
		"argument": {options{}, []string{"all"}, "unknown argument all"},
		"focus":    {options{focus: "("}, nil, "-focus"},
		"both":     {options{focus: "x", smoke: true}, nil, "exclude"},
	} {
		if code, err := run(context.Background(), c.o, c.rest); code != exitBadInput || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d, %v, want %d and %q", name, code, err, exitBadInput, c.want)
		}
	}
	t.Setenv("KUBECONFIG", "")
	if code, err := run(context.Background(), options{}, nil); code != exitBadInput || err == nil {
		t.Errorf("without KUBECONFIG: %d, %v", code, err)
	}
}

func TestStamp(t *testing.T) {
	got, err := stamp("v1.37.2")
	if want := "-X k8s.io/component-base/version.gitVersion=v1.37.2 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := stamp("devel"); err == nil {
		t.Error("what is no release is taken for one")
	}
}
