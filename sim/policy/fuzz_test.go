package policy

import (
	"io/fs"
	"testing"
)

// FuzzParse reads editions.
func FuzzParse(f *testing.F) {
	names, err := fs.Glob(files, "editions/*")
	if err != nil || len(names) == 0 {
		f.Fatalf("no editions: %v", err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := parse(data); err == nil && e.ID == "" {
			t.Error("an edition without an ID")
		}
	})
}
