package parse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/scenarios/script"
)

// slowest bounds what parsing or evaluating a fuzzed text may take, in real time: a
// machine that does ten other things is slow.
const slowest = time.Minute

// FuzzParse reads scenarios: whatever they are, the result is a script or problems
// with their places.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../../*.txtar")
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
	f.Add(string(script.Starter()))
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
