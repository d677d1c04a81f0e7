package preview

import (
	"slices"
	"strings"
	"testing"

	"demarc/sim/api"
)

// FuzzParse reads catalogues: what is in one is whole, and in order.
func FuzzParse(f *testing.F) {
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte("- {name: X, doc: d, changes: c, source: s, stages: {2019-04: preview}}\n- {name: A, doc: d, changes: c, source: s, stages: {2026-08: generally available}}"))
	f.Add([]byte("- &a {name: X, stages: *a}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parse(text)
		if err != nil {
			return
		}
		if !slices.IsSortedFunc(list, func(a, b Feature) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("not in order: %+v", list)
		}
		for _, x := range list {
			if x.Name == "" || x.Doc == "" || x.Changes == "" || x.Source == "" || len(x.Stages) == 0 {
				t.Errorf("not whole: %+v", x)
			}
			for edition, stage := range x.Stages {
				if !slices.Contains(api.Editions, edition) || stage != Preview && stage != Available {
					t.Errorf("%s: %q in %q", x.Name, stage, edition)
				}
			}
		}
	})
}
