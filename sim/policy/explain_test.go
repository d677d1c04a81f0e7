package policy

import (
	"slices"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	w := delayed
	for _, tt := range []struct {
		edition, what, kind, name string
		want                      []string // parts of the text
	}{
		{"2019-04", "3", "event", "3", []string{"Event 3, 2026-01-05 08:10:00: node failed containerd/a", "It is the customer's, is covered, and is mended automatically.", "The causes, from the root: 2 customer ran node/a"}},
		{"2019-04", "EVENT 3", "event", "3", nil},
		{"2019-04", "i1", "incident", "i1", []string{
			"Incident i1, the outage of node/a, lasted 46m0s, from 2026-01-05 08:10:00 to 2026-01-05 08:56:00.",
			"Of its time 13m0s is the customer's (" + remove + "), 33m0s is the provider's (node repair begins ten minutes after NotReady",
			`Clause nodes.self-healing: `, `section "Node maintenance and access (Knotenwartung und -zugriff)"`,
		}},
		{"2026-08", "incident i1", "incident", "i1", []string{"gets best effort", `[2026-08, section "Customising nodes"]`}},
		{"2019-04", "etcd.backup", "clause", "etcd.backup", []string{"promises", "30 minutes", "Section: Support coverage (Supportabdeckung für Azure Kubernetes Service)", "Supportrichtlinien"}},
		{"2026-08", "clause features.alpha-beta", "clause", "features.alpha-beta", []string{"excludes", "alpha ones are not"}},
		{"2019-04", "kubelet/a", "component", "kubelet/a", []string{"kubelet/a belongs to kubelet, which is the provider's and managed", "Clause node.components"}},
		{"2019-04", "component etcd", "component", "etcd", []string{"etcd is the provider's and managed"}},
		{"2019-04", "nsg", "component", "nsg", []string{"shared by provider and customer"}},
		{"2026-08", "nsg", "component", "nsg", []string{"nsg is the customer's"}},
	} {
		got, err := edition(t, tt.edition).Explain(w, tt.what)
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		if got.Kind != tt.kind || got.Name != tt.name || len(got.Clauses) == 0 {
			t.Errorf("%s: got %s %s with %d clauses", tt.what, got.Kind, got.Name, len(got.Clauses))
		}
		for _, part := range tt.want {
			if !strings.Contains(got.Text, part) {
				t.Errorf("%s: no %q in\n%s", tt.what, part, got.Text)
			}
		}
	}
}

func TestExplainUnknown(t *testing.T) {
	for what, want := range map[string]string{
		"":                         "explain what?",
		"99":                       "there is no event 99: the timeline has 1 to 6",
		"event one":                `named by its number on the timeline, not "one"`,
		"i7":                       `there is no incident "i7": want one of i1`,
		"etcd.bakup":               "(did you mean etcd.backup?)",
		"clause node.self-healing": "(did you mean nodes.self-healing?)",
		"clause iaas.system-tags":  "edition 2026-08 has it",
		"component kublet":         "(did you mean kubelet?)",
		"evnt 3":                   "(did you mean event?)",
		"nothing":                  `knows neither a clause nor a component "nothing"`,
	} {
		if _, err := edition(t, "2019-04").Explain(delayed, what); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v\nwant %s", what, err, want)
		}
	}
}

func TestDiff(t *testing.T) {
	a, b := edition(t, "2019-04"), edition(t, "2026-08")
	var texts []string
	for _, c := range Diff(a, b) {
		texts = append(texts, c.Text)
	}
	for _, want := range []string{
		"+ clause etcd.no-rollback: exclusion (provider): ",
		"+ clause iaas.system-tags: exclusion (customer): ",
		"- clause nodes.restart-on-escalation: duty (shared): ",
		"- clause network.egress-lockdown: exclusion (customer): ",
		"~ clause features.alpha-beta\n    was: Only stable features are supported; ",
		"~ clause nodes.reboot-by-customer: owner customer -> shared; now: ",
		"~ component nsg: owner shared -> customer",
		"+ component node-pools: customer",
		"+ rule iaas-system-tag: customer, ",
	} {
		if !slices.ContainsFunc(texts, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no change %q in\n%s", want, strings.Join(texts, "\n"))
		}
	}
	if same := Diff(a, a); len(same) != 0 {
		t.Errorf("an edition differs from itself: %+v", same)
	}
	if there, back := Diff(a, b), Diff(b, a); len(there) != len(back) {
		t.Errorf("%d changes there, %d back", len(there), len(back))
	}
}
