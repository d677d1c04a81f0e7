package run

import (
	"fmt"
	"strings"
	"testing"

	"demarc/scenarios/script/parse"
	"demarc/sim/api"
)

func TestUpgradeVerbs(t *testing.T) {
	report, _, _ := play(t, `
cluster kubernetes=1.36
at 1s aks upgrade to=1.37 max-surge=2 soak=5m
at 2s nodepool upgrade nodepool1 max-surge=33%
at 3s refuse aks upgrade to=1.40 containing='K8sVersionNotSupported'
finally check 'operations.size() == 2 && operations[0].to == "1.37" && operations[0].nodes[0].name == "node-a" && operations[0].nodes[0].ready == 0.0 && operations[0].surge == ["node-b"] && operations[1].message == "nodepool1 33%"'
`, nil)
	if report.Verdict != api.VerdictHeld {
		t.Fatalf("got %s: %+v", report.Verdict, report.Expectations)
	}
}

func TestUpgradeVerbsAreChecked(t *testing.T) {
	for line, want := range map[string]string{
		"cluster kubernetes=1.20":                 "1.36.3",
		"at 1s aks downgrade to=1.36":             "downgrade",
		"at 1s aks upgrade soak=5":                "soak",
		"at 1s nodepool upgrade":                  "pool",
		"at 1s aks upgrade only=nodes":            "only",
		"finally check 'operations[0].pool == 1'": "pool",
	} {
		_, problems := parse.Parse("x.txtar", []byte("# title\n\n"+line+"\n"))
		if text := fmt.Sprint(problems); len(problems) == 0 || !strings.Contains(text, want) {
			t.Errorf("%s: got %s, want a mistake that names %q", line, text, want)
		}
	}
}
