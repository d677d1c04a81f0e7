package check

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"demarc/scenarios/script/celtype"
)

// Every tag names an enumeration, and what sounds like one has it.
func TestEveryEnumHasItsValues(t *testing.T) {
	enumerated := []string{"state", "phase", "owner", "coverage", "remedy", "severity", "outcome", "layer", "actor", "verb", "stage", "power"}
	types, err := Types()
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range types.Structs {
		for _, f := range celtype.JSONFields(of) {
			if slices.Contains(enumerated, f.Name) && len(f.Values) == 0 {
				t.Errorf("%v.%s has no values: it needs the tag enum", of, f.Name)
			}
		}
		for _, f := range reflect.VisibleFields(of) {
			name := strings.Split(f.Tag.Get("json"), ",")[0]
			i := slices.IndexFunc(celtype.JSONFields(of), func(x celtype.Field) bool { return x.Name == name })
			if tag := f.Tag.Get("enum"); tag != "" && i >= 0 && len(celtype.JSONFields(of)[i].Values) == 0 {
				t.Errorf("%v.%s: there is no enumeration %q", of, f.Name, tag)
			}
		}
	}
}

func TestMistakesInValues(t *testing.T) {
	const never = " is no value of "
	for _, c := range []struct{ text, want string }{
		{`operations.exists(o, o.state == "Failed")`, ""},
		{`operations.exists(o, o.state == "failed")`, `"failed"` + never + "state: there are InProgress, Succeeded, Failed"},
		{`operations.all(o, o.state != "failed")`, `"failed"` + never},
		{`operations.all(o, "failed" == o.state)`, `"failed"` + never},
		{`operations.all(o, o.state in ["Failed", "Done"])`, `"Done"` + never},
		{`operations.filter(o, o.id == "1")[0].kind == "Scaling"`, `"Scaling"` + never},
		{`operations.filter(o, o.kind == "Scaling").size() == 1`, `"Scaling"` + never},
		{`components.etcd.state == "up"`, `"up"` + never},
		{`components.all(name, name == "up")`, ""},
		{`repairs.all(r, "fix" in r.actions)`, `"fix"` + never + "actions"},
		{`cases.all(c, c.topic == "")`, ""},
		{`cases.all(c, c.symptom == "anything")`, ""},
		{`support.past.exists(p, p.reasons.exists(r, r.state == "bad"))`, `"bad"` + never},
		{`pods.all(p, p.status.phase == "Runing")`, `"Runing"` + never},
		{`pods.all(p, p.?status.phase.orValue("") == "Runing")`, `"Runing"` + never},
		{`pods.all(p, p.metadata.labels.phase == "Runing")`, ""},
		{`pods[0].status.conditions.exists(c, c.type == "Odd" && c.status == "yes")`, `"yes"` + never},
		{`object("v1", "Node", "", "n").spec.taints[0].effect == "noexecute"`, `"noexecute"` + never},
		{`object("example.com/v1", "Till", "", "n").status.phase == "any"`, ""},
	} {
		e, mistakes := Compile(c.text)
		if e != nil {
			mistakes = e.Mistakes(Known{})
		}
		got := ""
		for _, m := range mistakes {
			got += m.Message
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) || strings.Count(got, never) > 1 {
			t.Errorf("%s: got %q, want %q", c.text, got, c.want)
		}
	}
}
