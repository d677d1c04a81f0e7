package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// idle are counts of an idle hour.
const idle = "BenchmarkIdle/3-nodes-2 1 14.0 hour-cpu-s 15.0 hour-s 3600000 mallocs/hour 360 MiB/hour 2400 requests/hour 1200 etcd-writes/hour 3000 goroutines\n"

func read(t *testing.T, text string) *figures {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bench.txt")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := readFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestJudge(t *testing.T) {
	for _, c := range []struct{ what, now, want string }{
		{"the same", idle, ""},
		{"less", strings.Replace(idle, "2400 req", "1400 req", 1), ""},
		{"a little more", strings.Replace(idle, "2400 req", "2630 req", 1), ""},
		{"a tenth more", strings.Replace(idle, "2400 req", "2650 req", 1), "requests to the API server: 2650, and the release has 2400"},
		{"a time, which is no count", strings.Replace(idle, "15.0 hour-s", "30.0 hour-s", 1), ""},
		{"not measured", "PASS\n", "goroutines of Idle/3-nodes was not measured"},
	} {
		err := judge(read(t, idle), read(t, c.now))
		if got := ""; err != nil {
			got = err.Error()
			if c.want == "" || !strings.Contains(got, c.want) {
				t.Errorf("%s: %q, want %q", c.what, got, c.want)
			}
		} else if c.want != "" {
			t.Errorf("%s: nothing, want %q", c.what, c.want)
		}
	}
	if judge(&figures{}, read(t, idle)) == nil {
		t.Error("a release without counts is held to none")
	}
}

// TestReplace commits figures of which the release has some, and reads what is written.
func TestReplace(t *testing.T) {
	release := read(t, "pkg: demarc/sim/engine\n"+idle+"BenchmarkStart-2 1 3400000000 ns/op\n")
	newer := read(t, "goos: linux\npkg: demarc/sim/engine\ncpu: fast\nsome log\nBenchmarkCarry1GB-8\n--- FAIL: BenchmarkCarry1GB-8\nBenchmarkStart-8 2 900000000 ns/op\nPASS\n")
	release.replace(newer, map[string]string{"date": "2026-11-29", "go": "go1.26", "cores": "8"})
	var text bytes.Buffer
	if err := release.write(&text); err != nil {
		t.Fatal(err)
	}
	got := read(t, text.String())
	if ns, _ := got.value("Start", "ns/op"); ns != 9e8 {
		t.Errorf("Start is %v ns", ns)
	}
	if n, _ := got.value("Idle/3-nodes", "goroutines"); n != 3000 {
		t.Errorf("what was not measured anew has gone: %v", text.String())
	}
	if want := "2026-11-29, 8 cores, fast"; got.date() != want {
		t.Errorf("date %q, want %q", got.date(), want)
	}
	if r := got.results[got.index("Idle/3-nodes")]; r.GetConfig("date") != "" {
		t.Errorf("what was not measured anew has the date %s", r.GetConfig("date"))
	}
}

func TestTable(t *testing.T) {
	var w bytes.Buffer
	if err := printTable(&w, read(t, idle), read(t, strings.Replace(idle, "15.0 hour-s", "3.0 hour-s", 1)+"BenchmarkStart 1 900000000 ns/op\n")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"15.0  3.00    -80%    idle virtual hour, 3 nodes, s", "-  0.90       -    start of the process"} {
		if !strings.Contains(w.String(), want) {
			t.Errorf("no %q in\n%s", want, w.String())
		}
	}
}

// TestRelease checks that the figures that are committed are those that the gate judges.
func TestRelease(t *testing.T) {
	release, err := readFile("release.txt")
	if err != nil {
		t.Fatal(err)
	}
	if err := judge(release, release); err != nil {
		t.Error(err)
	}
}
