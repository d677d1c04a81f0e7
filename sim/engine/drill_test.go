package engine_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"demarc/scenarios"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/timeline"
)

func TestDrill(t *testing.T) {
	engine.UseFake(t, "scenario")
	var steps, events int
	var ready time.Time
	var dir string
	d := scenarios.Drill{
		Name: "tiny", File: "tiny.txtar", Text: engine.TinyScenario,
		Started: func(d string) { dir = d }, Ready: func(at time.Time) { ready = at },
	}
	r, err := d.Run(t.Context(), func(api.Step) { steps++ }, func(timeline.Event) { events++ })
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != api.VerdictHeld || r.Scenario != "tiny" || steps != 1 || events != 1 || ready.Unix() != 100 {
		t.Errorf("got %+v, %d steps, %d events, ready %v", r, steps, events, ready)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory %s is still there (%v)", dir, err)
	}
}

func TestEngineFails(t *testing.T) {
	for how, want := range map[string]string{
		"dies":   "no space left on device",
		"panics": "index out of range",
		"gone":   "ended before the scenario did",
	} {
		t.Run(how, func(t *testing.T) {
			engine.UseFake(t, how)
			dir := t.TempDir()
			_, err := scenarios.Drill{Name: "tiny", File: "tiny.txtar", Text: engine.TinyScenario, DataDir: dir}.Run(t.Context(), nil, nil)
			var failed *engine.FailedError
			if !errors.As(err, &failed) || !strings.Contains(failed.Reason, want) || failed.Log != engine.LogFile(dir) {
				t.Errorf("got %v, want a FailedError with %q and the log", err, want)
			}
			if err != nil && strings.Contains(err.Error(), "main.main") {
				t.Errorf("got a whole trace: %v", err)
			}
		})
	}
}

func TestScenarioWithMistakes(t *testing.T) {
	var input *engine.InputError
	mistaken := scenarios.Drill{File: "x.txtar", Text: "# X\nat 0s aply y\n"}
	if _, err := mistaken.Run(t.Context(), nil, nil); !errors.As(err, &input) || !strings.Contains(err.Error(), "x.txtar:2:") {
		t.Errorf("got %v, want an InputError with file and line", err)
	}
}
