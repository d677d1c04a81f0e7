package preview

import (
	"strings"
	"testing"

	"demarc/sim/api"
)

func TestCatalogue(t *testing.T) {
	if _, err := parse(data); err != nil {
		t.Fatal(err)
	}
	for _, edition := range api.Editions {
		previews := 0
		for _, f := range Catalogue(edition) {
			if f.Stages[edition] == Preview {
				previews++
			}
		}
		if previews == 0 {
			t.Errorf("edition %s has no preview", edition)
		}
	}
	for name, bad := range map[string]string{
		"field":   strings.Replace(string(data), "doc:", "dog:", 1),
		"stage":   strings.Replace(string(data), "2019-04: preview", "2019-04: beta", 1),
		"edition": strings.Replace(string(data), "2019-04: preview", "2018: preview", 1),
		"empty":   "- {name: X}",
	} {
		if list, err := parse([]byte(bad)); err == nil {
			t.Errorf("%s: parsed as %v", name, list)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, name := range []string{"AKSAuditLog", "aksauditlog", "microsoft.containerservice/AKSAuditLog"} {
		if f, err := Lookup("2019-04", name); err != nil || f.Name != AuditLog {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	_, err := Lookup("2019-04", "AKSAuditLogs")
	if err == nil || !strings.Contains(err.Error(), "could not be found. Did you mean AKSAuditLog?") {
		t.Errorf("got %v", err)
	}
	if _, err = Lookup("2019-04", KubeProxy); err == nil {
		t.Error("a feature of 2026 was found in 2019")
	}
}

func TestRequire(t *testing.T) {
	for _, tt := range []struct {
		edition, name string
		registered    bool
		ok            bool
	}{
		{"2026-08", KubeProxy, false, false},
		{"2026-08", KubeProxy, true, true},
		{"2026-08", NRGLockdown, false, true},
		{"2019-04", NRGLockdown, true, false},
	} {
		err := Require(tt.edition, tt.name, tt.registered)
		if ok := err == nil; ok != tt.ok || !ok && !api.HasCode(err, "BadRequest") {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
