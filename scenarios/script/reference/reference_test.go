package reference

import (
	"regexp"
	"strings"
	"testing"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"
	"demarc/sim/fault"
)

func TestReferenceNamesEverything(t *testing.T) {
	var sb strings.Builder
	if err := Write(&sb); err != nil {
		t.Fatal(err)
	}
	for _, v := range script.Verbs() {
		if !strings.Contains(sb.String(), v.Example) || v.Summary == "" {
			t.Errorf("%s is not documented", v.Name)
		}
	}
	for _, v := range check.Variables() {
		if !regexp.MustCompile(`(?m)^ .*\b` + v.Name + `\b`).MatchString(sb.String()) {
			t.Errorf("the variable %s is not documented", v.Name)
		}
	}
	for _, k := range fault.Kinds() {
		if !strings.Contains(sb.String(), "\n  "+k.Verb+" ") {
			t.Errorf("fault %s is not documented", k.Verb)
		}
	}
}
