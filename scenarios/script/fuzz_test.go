package script

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// slowest bounds what parsing or evaluating a fuzzed text may take, in real time: a
// machine that does ten other things is slow.
const slowest = time.Minute

// FuzzParse reads scenarios: whatever they are, the result is a script or problems
// with their places.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no scenarios: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	lints, _ := filepath.Glob("testdata/lint/*.txt") // TestLint misses them, if they are
	for _, name := range lints {
		if text, err := os.ReadFile(name); err == nil {
			f.Add(string(text))
		}
	}
	f.Add(string(Starter()))
	f.Add("# t\nat 100000d2000000h crash etcd\nwithin 1d-5h check 'true'\n")
	f.Add("# t\nat 0s apply x.yaml\n-- x.yaml --\n" + strings.Repeat("a: {", 3000))
	f.Add("# t\nat 0s apply x.yaml\n-- x.yaml --\na: &a [1,1,1,1]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n")
	f.Add("# t\nfinally check '" + strings.Repeat("(", 2000) + "'\n")
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		s, problems := Parse("x.txtar", []byte(text))
		if took := time.Since(began); took > slowest {
			t.Errorf("it took %s", took)
		}
		if s == nil {
			t.Fatal("there is no script")
		}
		lines := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines+1 || p.Column < 1 || p.Message == "" {
				t.Errorf("a problem nowhere: %+v in a text of %d lines", p, lines)
			}
		}
		if len(problems) == 0 && s.Title == "" {
			t.Error("a scenario without a title has no problem")
		}
	})
}

// FuzzCheck compiles checks and evaluates those that compile.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{
		"now == 5.0", "'a'.matches('(a+)+$')", "[1,2].all(a, [3,4].exists(b, a < b))", "'x'.replace('x', 'yyyy').size() > 3", "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
		"'%s %d'.format(['a', 1]) == 'a 1'", "[1,2,3].map(x, x * 2).sum() == 12", "url('https://a').getHost() == 'a'", "ip('::1').isLoopback()", "cidr('10.0.0.0/8').containsIP('10.1.2.3')",
		"duration('1h') > duration('1m')", "timestamp('2026-01-01T00:00:00Z').getFullYear() == 2026", "{'a': 1}.?a.orValue(2) == 1", "math.greatest(1, 2) == 2", "sets.contains([1], [1])",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := parser{script: &Script{}}
		e := p.compileCheck(text, 1, 1)
		if e == nil {
			return
		}
		// An error is an answer as well. The last step may cost more than was left.
		_, details, _ := e.program.Eval(map[string]any{"now": 5.0})
		if details != nil && details.ActualCost() != nil && *details.ActualCost() > 2*checkCost {
			t.Errorf("%q cost %d", text, *details.ActualCost())
		}
	})
}

// dear is a check that would go on for years.
var dear = strings.Repeat("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16].all(x, ", 12) + "true" + strings.Repeat(")", 12)

// TestDearChecks checks that a check that costs too much ends, and is not evaluated
// again while its window lasts.
func TestDearChecks(t *testing.T) {
	report, _, _ := play(t, "at 1s crash etcd\nwithin 2h check check.cel\n-- check.cel --\n"+dear+"\n", nil)
	if got := report.Expectations[0]; got.Held || !strings.Contains(got.Seen, "costs more than") {
		t.Errorf("got %+v", got)
	}
}
