package run

import (
	"fmt"
	"strings"
	"testing"

	"demarc/scenarios/script/parse"
	"demarc/sim/api"
)

func TestScaleOfANodePool(t *testing.T) {
	report, _, _ := play(t, `
at 1s nodepool scale nodepool1 to=5
at 2s refuse nodepool scale nodepool1 to=3 containing='Operation is not allowed'
finally check 'timeline.exists(e, e.verb == "scaled" && e.subject == "nodepool1" && e.message == "5")'
`, nil)
	if report.Verdict != api.VerdictHeld {
		t.Errorf("got %s: %+v", report.Verdict, report.Expectations)
	}
}

func TestNodePoolsComeAndGo(t *testing.T) {
	report, _, _ := play(t, `
at 1s nodepool add batch count=2 labels=team=data,tier=slow taints=dedicated=batch:NoSchedule
at 2s nodepool update batch none=labels
at 3s nodepool delete batch ignore-pdb=yes
finally check 'timeline.exists(e, e.verb == "created" && e.subject == "batch" && e.message == "2 map[team:data tier:slow] [dedicated=batch:NoSchedule]")'
finally check 'timeline.exists(e, e.verb == "updated" && e.message == "map[] true") && timeline.exists(e, e.verb == "deleted" && e.message == "true")'
`, nil)
	if report.Verdict != api.VerdictHeld {
		t.Errorf("got %s: %+v", report.Verdict, report.Expectations)
	}
}

func TestScaleOfANodePoolIsChecked(t *testing.T) {
	for line, want := range map[string]string{
		"at 1s nodepool scale nodepool1":              "needs to=",
		"at 1s nodepool scale nodepool1 to=0":         "from 1 to 1000",
		"at 1s nodepool scale nodepool1 to=many":      "from 1 to 1000",
		"at 1s nodepool scale nodepool1 to=5 soak=5m": "takes only to=",
		"at 1s nodepool scale batch to=2":             "there is no node pool batch",
		"at 1s nodepool add batch\nat 2s nodepool scale batch to=0\nat 3s cordon node/batch-vmss000000": "",
		"at 1s nodepool add batch only=node-images":                                                     "takes only to=, count=",
		"at 1s refuse nodepool add batch\nat 2s nodepool delete batch":                                  "there is no node pool batch",
		"at 1s cordon node/3": "there is no node 3",
		"at 1s nodepool scale nodepool1 to=5\nat 2s cordon node/5":                                      "from 0 to 4",
		"at 1s nodepool scale nodepool1 to=5\nat 2s cordon node/4":                                      "",
		"at 1s nodepool scale nodepool1 to=1\nat 2s nodepool scale nodepool1 to=2\nat 3s cordon node/3": "",
		"at 1s nodepool scale nodepool1 to=5\nat 9s check 'nodes[0].metadata.name == \"$(node/4)\"'":    "",
		"at 1s nodepool scale nodepool1 to=5\nat 9s check 'nodes[0].metadata.name == \"$(node/5)\"'":    "want the index of a node, from 0 to 4",
	} {
		_, problems := parse.Parse("x.txtar", []byte("# title\n\ncluster nodes=3\n"+line+"\nfinally check 'now > 0.0'\n"))
		if text := fmt.Sprint(problems); want == "" && len(problems) > 0 || want != "" && !strings.Contains(text, want) {
			t.Errorf("%s: got %s, want a mistake that names %q", line, text, want)
		}
	}
}
