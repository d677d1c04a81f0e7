package scenarios_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/scenarios"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/timeline"
)

// scenarioTimeout is how long one scenario may take in real time. It ends what hangs:
// a virtual day takes a quarter of an hour of a slow machine with other work.
const scenarioTimeout = 30 * time.Minute

// endingTime is how long before go test's deadline nothing more is begun, and what
// is being played is given up: so that its end is a message, and no stack trace.
const endingTime = 15 * time.Second

// TestScenarios plays every built-in scenario, each in an engine process of its
// own, as fast as the machine goes, and judges what was recorded once more in other
// words. One of them alone:
//
//	go test ./scenarios -run TestScenarios/etcd-lost -v
//
// On a small machine all of them take longer than the ten minutes that go test
// allows by itself:
//
//	go test -timeout 1h ./scenarios/...
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("starts engines")
	}
	statSources(t)
	if _, err := engine.Build(t.Context(), os.Stderr); err != nil {
		t.Fatalf("build the engine: %v", err)
	}
	// An engine keeps about one core busy, so as many run as there are cores,
	// whatever -parallel says.
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			if end, ok := t.Deadline(); ok && time.Until(end) < endingTime {
				t.Fatal("not played: the time of go test is over; run it with -timeout 1h")
			}
			play(t, name)
		})
	}
}

// play plays one scenario and reports what did not hold.
func play(t *testing.T, name string) {
	end := time.Now().Add(scenarioTimeout)
	if last, ok := t.Deadline(); ok && last.Add(-endingTime).Before(end) {
		end = last.Add(-endingTime)
	}
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	s, err := scenarios.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	var narrative []string
	var events []timeline.Event
	report, err := scenarios.Drill{
		Name: s.Name, File: s.File, Text: string(s.Text),
	}.Run(ctx, func(step api.Step) {
		if step.Kind == "narrative" {
			narrative = append(narrative, step.Text)
		}
	}, func(e timeline.Event) { events = append(events, e) })
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if report.Error != "" {
		t.Errorf("%s could not be played: %s", name, report.Error)
	} else {
		checkWords(t, recording{events, report})
	}
	if report.Verdict != api.VerdictHeld && len(narrative) > 0 {
		t.Logf("when: %s", narrative[len(narrative)-1])
	}
	for _, e := range report.Expectations {
		if !e.Held && e.Seen != "not reached" {
			t.Errorf("%s", e.Seen)
		}
	}
	if report.Verdict != api.VerdictHeld && !t.Failed() {
		t.Errorf("verdict: got %s, want %s", report.Verdict, api.VerdictHeld)
	}
	t.Logf("%s: %s, %.0f virtual seconds in %.1f real", report.Title, report.Verdict, report.VirtualSeconds, report.RealSeconds)
}

// engineSources are the directories of the module whose code runs in the
// engine.
var engineSources = []string{"cmd/demarc-engine", "controlplane", "nodes", "backup", "sim", "scenarios"}

// statSources looks at every source file of the engine. The engine is a program
// of its own, so Go's test cache does not know that this test depends on it; but
// it remembers the files of the module that a test asked about, and runs the
// test again when one of them has changed or a directory has new files.
func statSources(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range engineSources {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if !slices.Contains([]string{".go", ".yaml", ".json", ".txtar"}, filepath.Ext(path)) || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}
