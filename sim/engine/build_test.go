package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tree is a source tree of a small program in the engine's place.
type tree struct {
	t    *testing.T
	root string
}

const (
	treeMain = `package main

import (
	_ "embed"
	"os"
)

//go:embed help.md
var help string

func main() { os.Stdout.WriteString(number + " " + help) }
`
	treeNumber = "package main\n\nconst number = \"1\"\n"
)

func newTree(t *testing.T) tree {
	x := tree{t, t.TempDir()}
	x.write("go.mod", "module demarc\n\ngo 1.26\n")
	x.write("cmd/demarc-engine/main.go", treeMain)
	x.write("cmd/demarc-engine/number.go", treeNumber)
	x.write("cmd/demarc-engine/help.md", "old")
	return x
}

// write writes a file as an archive has it: with a time that is long ago.
func (x tree) write(name, text string) {
	x.t.Helper()
	path := filepath.Join(x.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		x.t.Fatal(err)
	}
	long := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, long, long); err != nil {
		x.t.Fatal(err)
	}
}

// TestNoEngineOfAnEarlierBuild changes the sources in ways that are easily overlooked
// and runs what is built: it must always be made of the sources as they are.
func TestNoEngineOfAnEarlierBuild(t *testing.T) {
	x := newTree(t)
	says := func() string {
		path, err := buildIn(t.Context(), x.root, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), path).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	steps := []struct{ what, file, text, want string }{
		{"nothing", "go.mod", "module demarc\n\ngo 1.26\n", "1 old"},
		{"a file whose size and time stay", "cmd/demarc-engine/number.go", strings.Replace(treeNumber, "1", "2", 1), "2 old"},
		{"an embedded text", "cmd/demarc-engine/help.md", "new", "2 new"},
		{"the change taken back", "cmd/demarc-engine/number.go", treeNumber, "1 new"},
	}
	for _, s := range steps {
		x.write(s.file, s.text)
		if got := says(); !strings.HasSuffix(got, s.want) { // before it the virtual time
			t.Errorf("changed is %s: the engine says %q, want %q", s.what, got, s.want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	x := newTree(t)
	print := func() string {
		t.Helper()
		f, err := fingerprint(x.root)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	before := print()
	for _, name := range []string{"nodes/a_test.go", "bin/x", "README.md", "cmd/demarc/main.go", "demarctest/drill.go", ".git/index", "nodes/testdata/x"} {
		x.write(name, "x")
		if print() != before {
			t.Errorf("it changes with %s, which is not the engine's", name)
		}
	}
	x.write("nodes/b.yaml", "b: 1")
	changed := print()
	if changed == before {
		t.Error("it does not see an embedded file")
	}
	if err := os.Remove(filepath.Join(x.root, "nodes/b.yaml")); err != nil {
		t.Fatal(err)
	}
	if print() != before {
		t.Error("it does not see that a file was deleted")
	}
}

// TestEngineBesideTheProgram puts a file beside this test's program, as an archive has
// the engine beside demarc.
func TestEngineBesideTheProgram(t *testing.T) {
	t.Setenv(PathEnv, "")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(filepath.Dir(exe), programName())
	if err := os.WriteFile(want, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(want) })
	if got, err := Build(t.Context(), nil); got != want || err != nil {
		t.Errorf("it is %q (%v), want %q", got, err, want)
	}
}
