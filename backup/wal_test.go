package backup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A write-ahead log is found also where its path looks like a pattern.
func TestWALFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "work [1]*")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "0.wal"), filepath.Join(dir, "1.wal")}
	for _, path := range append(want, filepath.Join(dir, "0.tmp")) {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := walFiles(dir); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
