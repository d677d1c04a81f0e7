package policy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readTest(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// scenario is what a scenario says of the contract.
type scenario struct {
	edition string
	clauses []string
}

var (
	clauseLine  = regexp.MustCompile(`(?m)^clause\s+(.*)$`)
	editionWord = regexp.MustCompile(`(?m)^cluster.*\bedition=(\S+)`)
)

// scenarios are the scenarios beside this tree, by name.
func scenarios(t *testing.T) map[string]scenario {
	t.Helper()
	files, err := filepath.Glob("../../scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("scenarios: %v, %v", files, err)
	}
	list := map[string]scenario{}
	for _, f := range files {
		text, _, _ := strings.Cut(readTest(t, f), "\n-- ")
		s := scenario{edition: "2019-04"}
		if m := editionWord.FindStringSubmatch(text); m != nil {
			s.edition = m[1]
		}
		for _, m := range clauseLine.FindAllStringSubmatch(text, -1) {
			s.clauses = append(s.clauses, strings.Fields(m[1])...)
		}
		list[strings.TrimSuffix(filepath.Base(f), ".txtar")] = s
	}
	return list
}

// TestScenariosNameClauses fails if a scenario names a clause that its edition does
// not have.
func TestScenariosNameClauses(t *testing.T) {
	for name, s := range scenarios(t) {
		e := edition(t, s.edition)
		for _, id := range s.clauses {
			if _, ok := e.Clause(id); !ok {
				t.Errorf("%s.txtar: edition %s has no clause %s%s", name, s.edition, id, didYouMean(id, e.clauseIDs()))
			}
		}
	}
}

// TestClausesAreShown fails if a clause has neither a scenario nor a reason why it
// has none, and tells of reasons that a scenario has overtaken.
func TestClausesAreShown(t *testing.T) {
	all := scenarios(t)
	for _, e := range Editions() {
		for _, c := range e.Clauses {
			shown := slices.Clone(c.Scenarios)
			for name, s := range all {
				if slices.Contains(s.clauses, c.ID) {
					shown = append(shown, name)
				}
			}
			switch {
			case len(shown) == 0 && c.Unshown == "":
				t.Errorf("%s: clause %s has no scenario: name it in one, or say in unshown why none can show it", e.ID, c.ID)
			case len(shown) > 0 && c.Unshown != "":
				t.Logf("%s: clause %s is shown by %v: its line unshown can go", e.ID, c.ID, shown)
			}
			for _, name := range c.Scenarios {
				if _, ok := all[name]; !ok {
					t.Errorf("%s: clause %s names a scenario %s that is not there", e.ID, c.ID, name)
				}
			}
		}
	}
}

// TestSections fails if a section of the policy has no clause. That clauses have
// sections and rules have clauses is checked at loading: see TestParse.
func TestSections(t *testing.T) {
	for _, e := range Editions() {
		for _, s := range e.Sections {
			if !slices.ContainsFunc(e.Clauses, func(c Clause) bool { return c.Section == s.ID }) {
				t.Errorf("%s: section %s has no clause", e.ID, s.ID)
			}
			if e.ID == "2019-04" && s.German == "" {
				t.Errorf("%s: section %s has no German heading", e.ID, s.ID)
			}
		}
	}
	if n := len(edition(t, "2019-04").Sections); n != 13 {
		t.Errorf("2019-04 has %d sections, the policy has 13 headings", n)
	}
}

// TestParse checks that mistakes in an edition are found.
func TestParse(t *testing.T) {
	good := readTest(t, "editions/2019-04.yaml")
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown field", "source: Microsoft", "sauce: x\nsource: Microsoft", "field sauce not found"},
		{"section without a clause", "sections:\n", "sections:\n- {id: extra, title: Extra}\n", "section extra has no clause"},
		{"clause without a section", "section: upstream-bugs-and-issues", "section: upstream-bugs", `unknown section "upstream-bugs"`},
		{"rule with an unknown clause", "clauses: [upstream.bugs]", "clauses: [upstream.bug]", `rule upstream-bug names an unknown clause "upstream.bug"`},
		{"rule with an unknown field", `when: root.party == "upstream"`, `when: root.partie == "upstream"`, "undefined field 'partie'"},
		{"rule that is no condition", `when: root.party == "upstream"`, `when: root.party`, "want a bool"},
		{"rule of a wrong type", `when: root.party == "upstream"`, `when: root.seq == "upstream"`, "no matching overload"},
		{"sentence with an unknown field", "{{.Event.Subject}} suffers", "{{.Event.Suject}} suffers", "Suject"},
		{"coverage", "coverage: voids-support", "coverage: voided", `"voided" is none of`},
		{"no last rule", `when: "true"` + "\n  owner: provider\n  coverage: covered\n  remedy: none", "when: root.managed\n  owner: provider\n  coverage: covered\n  remedy: none", "the last rule must hold for everything"},
		{"clause twice", "- id: upstream.own", "- id: upstream.bugs", "clause upstream.bugs is there twice"},
		{"healer", "healers: [monitors]", "healers: [monitor]", `"monitor" is none of`},
	} {
		bad := strings.ReplaceAll(good, tt.old, tt.new)
		if bad == good {
			t.Fatalf("%s: nothing to replace", tt.name)
		}
		if _, err := parse([]byte(bad)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}
