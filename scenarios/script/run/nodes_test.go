package run

import (
	"strings"
	"testing"
)

// A node is named in the same way wherever an action takes one.
func TestNodesByIndex(t *testing.T) {
	for _, node := range []string{"node/1", "node 1", "nodepool1/1"} {
		for _, action := range []string{"label NODE a=b", "annotate NODE a=b", "delete NODE", "cordon NODE", "patch NODE p.yaml"} {
			action := strings.Replace(action, "NODE", node, 1)
			text := "at 0s refuse " + action + " containing='\"n-1\" not found'\n"
			if strings.Contains(action, "p.yaml") {
				text += "-- p.yaml --\nspec: {unschedulable: true}\n"
			}
			if report, _, _ := play(t, text, nil); outcomes(report) != "2 held@0" {
				t.Errorf("%s: %s", action, report.Expectations[0].Seen)
			}
		}
	}
}
