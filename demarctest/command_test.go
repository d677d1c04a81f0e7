package demarctest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommand(t *testing.T) {
	dir := t.TempDir()
	named, found := filepath.Join(dir, "named"), filepath.Join(dir, "demarc")
	for _, path := range []string{named, found} {
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv(CommandEnv, named)
	if path, err := findCommand(); path != named || err != nil {
		t.Errorf("%s: got %s, %v", CommandEnv, path, err)
	}
	t.Setenv(CommandEnv, filepath.Join(dir, "gone"))
	if _, err := findCommand(); err == nil || !strings.Contains(err.Error(), "is no program") {
		t.Errorf("one that is not there: got %v", err)
	}
	t.Setenv(CommandEnv, "")
	if path, err := findCommand(); path != found || err != nil {
		t.Errorf("PATH: got %s, %v", path, err)
	}
}

func TestSourceTree(t *testing.T) {
	tree, err := sourceTree()
	if err != nil {
		t.Skip("this module is not in a source tree: ", err)
	}
	if _, err := os.Stat(filepath.Join(tree, "cmd", "demarc", "main.go")); err != nil {
		t.Errorf("%s is not demarc's: %v", tree, err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	var o output
	for range 10 {
		_, _ = o.Write([]byte(strings.Repeat("x", maxOutput/4)))
	}
	_, _ = o.Write([]byte("end"))
	if s := o.String(); len(s) != maxOutput || !strings.HasSuffix(s, "end") {
		t.Errorf("it keeps %d bytes", len(s))
	}
}
