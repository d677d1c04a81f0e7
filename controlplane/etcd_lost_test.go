package controlplane

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// A restore keeps the data of the restores before it, which has what no backup has, and
// not without end.
func TestWhatARestoreReplacesIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[1]") // a path is no pattern
	live, into := filepath.Join(dir, Etcd), filepath.Join(dir, Etcd+".lost")
	data := func(of string) string { return filepath.Join(of, "0", "member", "snap", "db") }
	for n := range keptLost + 2 {
		wal := filepath.Join(live, "0", "member", "wal")
		for path, text := range map[string]string{data(live): strconv.Itoa(n), filepath.Join(wal, "0.wal"): "w", filepath.Join(wal, "0.tmp"): "t"} {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := setAside(live, into); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(live, 0o700); err != nil { // its disk was wiped: there is nothing to keep
			t.Fatal(err)
		}
		if err := setAside(live, into); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadDir(into)
	if err != nil || len(kept) != keptLost {
		t.Fatalf("kept: %v, %v; want the last %d", kept, err, keptLost)
	}
	for i, e := range kept {
		if b, err := os.ReadFile(data(filepath.Join(into, e.Name()))); err != nil || string(b) != strconv.Itoa(i+2) {
			t.Errorf("%s: got %q, %v, want what restore %d has replaced", e.Name(), b, err, i+2)
		}
	}
	if left, _ := fs.Glob(os.DirFS(into), "*/*/*/wal/*"); len(left) != keptLost || filepath.Ext(left[0]) != ".wal" {
		t.Errorf("left of the logs: %v", left)
	}
}
